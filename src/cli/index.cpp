#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "lockstep/core/error.h"
#include "lockstep/core/thread.h"
#include "lockstep/data/seek_index.h"
#include "seek_index_summary.h"

namespace lockstep::cli {

void add_index(CLI::App& app, Action& action) {
  auto files = std::make_shared<std::vector<std::string>>();
  auto threads = std::make_shared<int>(0);
  auto check = std::make_shared<bool>(false);
  app.add_option("records", *files, ".rec files; the index of X.rec is X.jdx")->required();
  app.add_option("--threads", *threads, "0: all cores")->check(CLI::Range(0, 4096));
  app.add_flag("--check", *check, "compare what is there with the records, every byte, and write nothing");
  action = [=] {
    const int count = *threads > 0 ? *threads : available_cores();
    for (const std::string& file : *files)
      require(!std::filesystem::is_directory(file), ErrorKind::kUsage, file,
              " is a folder; name the .rec files in it, which `lockstep pack` makes of pictures");
    for (const std::string& file : *files)
      print_summary(*check ? data::check_seek_index(file, count) : data::write_seek_index(file, count), *check);
    return 0;
  };
}

}  // namespace lockstep::cli
