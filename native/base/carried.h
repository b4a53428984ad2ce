#pragma once

#include <exception>
#include <utility>

namespace equinode {

// TorchScript's interpreter makes a text of whatever an operator throws. An exception that must come out as it is is
// left here on its way, for the runner of the program to throw again. It must hold nothing of Node: a thread may end
// with it.
inline thread_local std::exception_ptr carried_exception;

template <typename E>
[[noreturn]] void throw_carried(E error) {
  carried_exception = std::make_exception_ptr(error);
  throw error;
}

inline void forget_carried() { carried_exception = nullptr; }

inline void rethrow_carried() {
  if (carried_exception != nullptr) std::rethrow_exception(std::exchange(carried_exception, nullptr));
}

}  // namespace equinode
