#pragma once

#include <string>

namespace equinode::effects {

// The message of the first check that failed on the example's values in the trace of this thread, empty for none, and
// forgets it. A trace does not raise it, since the program may have no use for the check; but where the trace itself
// fails on these values, this is why.
std::string take_failed_check();

}  // namespace equinode::effects
