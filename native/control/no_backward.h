#pragma once

#include <string>
#include <vector>

#include "native/control/control_form.h"

namespace equinode::control {

// What a form without gradients answers: it may run under a derivative, and refuses once a backward pass gets to it.
Vjp without_backward(FormPointer form, std::vector<bool> active, std::string reason);

}  // namespace equinode::control
