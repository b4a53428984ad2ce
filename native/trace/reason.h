#pragma once

#include <exception>
#include <string>

namespace equinode::trace {

// What an operator inside a graph complained about, without the interpreter's own frame around it.
std::string reason_of(const std::exception& error);

}  // namespace equinode::trace
