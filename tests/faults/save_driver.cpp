#include <cstdio>

#include "checkpoint_of.h"
#include "lockstep/core/error.h"
#include "lockstep/model/checkpoint.h"

// save_driver FOLDER STEP VALUE KEEP: saves test::checkpoint_of(VALUE) and ends like the product, with the Error's exit
// code and its message on standard error. What a test preloads shim.c into.
int main(int count, char** arguments) {
  using namespace lockstep;
  if (count != 5) return 2;
  const auto number = [&](int i) { return parse_integer(arguments[i]).value(); };
  try {
    model::checkpoint::save(arguments[1], number(2), test::checkpoint_of(number(3)), number(4));
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return exit_code(error.kind());
  }
}
