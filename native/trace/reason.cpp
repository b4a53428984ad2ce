#include "native/trace/reason.h"

namespace equinode::trace {

std::string reason_of(const std::exception& error) {
  const std::string text = error.what();
  const std::string mark = "RuntimeError: ";
  const size_t found = text.rfind(mark);
  std::string reason = found == std::string::npos ? text : text.substr(found + mark.size());
  const size_t trace = reason.find("\nException raised from");
  if (trace != std::string::npos) reason.resize(trace);
  while (!reason.empty() && reason.back() == '\n') reason.pop_back();
  return reason;
}

}  // namespace equinode::trace
