// Text scripts: every file of a folder is run, and what comes of it has to be the file itself.
// REWRITE=1 writes what comes of them now; the reviewer reads the difference.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

namespace kronika {

// `run` gives the script with what each of its commands says now. A folder without files fails.
inline void ExpectCasesSayTheSame(const std::string& folder,
                                  const std::function<std::string(const std::string&)>& run) {
  int cases = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(file.path().string());
    std::stringstream text;
    text << std::ifstream(file.path()).rdbuf();
    const std::string now = run(text.str());
    if (std::getenv("REWRITE") != nullptr)
      std::ofstream(file.path()) << now;
    else
      EXPECT_EQ(now, text.str());
    ++cases;
  }
  EXPECT_GT(cases, 0);
}

}  // namespace kronika
