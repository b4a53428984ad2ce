// Declarations only. ATen/functorch/Interpreter.h (libtorch v2.13.0) mentions these names in inline functions that
// are never called here; libtorch does not ship the library itself.
#pragma once

#include <string>

namespace nlohmann {

class json {
 public:
  json();
  template <typename T>
  json(const T& value);
  std::string dump() const;
  static json parse(const std::string& text);
  template <typename T>
  T get() const;
};

}  // namespace nlohmann
