#pragma once

/// Stands before a function with a plain loop over numbers: it is compiled for the processors of today and the right
/// version chosen when the program starts. What it calls is compiled along only where it is inlined (always_inline).
/// Integers come out the same in each version. Of floating point a product and a sum may become one operation where the
/// processor has it, so its bits hold for processors of one family.
#ifdef __SANITIZE_THREAD__  // the choice is made before its runtime is there
#define LOCKSTEP_VECTORISED
#else
#define LOCKSTEP_VECTORISED __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#endif
