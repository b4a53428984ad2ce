#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace equinode {

// The codes of lib/base/errors.ts.
inline constexpr const char* kOperator = "ERR_OPERATOR";
inline constexpr const char* kShape = "ERR_SHAPE";
inline constexpr const char* kDtype = "ERR_DTYPE";
inline constexpr const char* kDevice = "ERR_DEVICE";
inline constexpr const char* kArgument = "ERR_ARGUMENT";
inline constexpr const char* kMemory = "ERR_MEMORY";
inline constexpr const char* kDisposed = "ERR_DISPOSED";
inline constexpr const char* kConcretisation = "ERR_CONCRETISATION";
inline constexpr const char* kTransform = "ERR_TRANSFORM";
inline constexpr const char* kFormat = "ERR_FORMAT";
inline constexpr const char* kRuntime = "ERR_RUNTIME";
inline constexpr const char* kSetup = "ERR_SETUP";

// An error that becomes the JavaScript error class of its code.
class Error : public std::runtime_error {
 public:
  Error(const char* code, const std::string& text) : std::runtime_error(text), code_(code) {}
  Error(const char* code, std::string op, const std::string& text)
      : std::runtime_error(text), code_(code), op_(std::move(op)) {}

  const char* code() const noexcept { return code_; }
  const std::string& op() const noexcept { return op_; }

 private:
  const char* code_;
  std::string op_;
};

template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

template <typename... Parts>
void require(bool condition, const char* code, const Parts&... parts) {
  if (!condition) throw Error(code, concat(parts...));
}

}  // namespace equinode
