// Every script of scripts/ at both levels; and that a wrong expectation is noticed.
#include "tests/histories/script.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace moraine {
namespace {

std::vector<std::filesystem::path> Scripts() {
  std::vector<std::filesystem::path> scripts;
  for (const auto& entry : std::filesystem::directory_iterator("tests/histories/scripts")) {
    if (entry.path().extension() == ".history") scripts.push_back(entry.path());
  }
  std::sort(scripts.begin(), scripts.end());
  return scripts;
}

class ScriptTest : public testing::TestWithParam<std::filesystem::path> {
 protected:
  void Run(Isolation isolation) {
    std::ifstream file(GetParam());
    std::stringstream text;
    text << file.rdbuf();
    for (const std::string& complaint : Script(isolation).Run(text.str()))
      ADD_FAILURE() << complaint;
  }
};

TEST_P(ScriptTest, Serializable) { Run(Isolation::kSerializable); }
TEST_P(ScriptTest, Snapshot) { Run(Isolation::kSnapshot); }

INSTANTIATE_TEST_SUITE_P(All, ScriptTest, testing::ValuesIn(Scripts()),
                         [](const testing::TestParamInfo<std::filesystem::path>& script) {
                           return script.param.stem().string();
                         });

TEST(ScriptLanguageTest, WrongExpectationsAreNoticed) {
  const char* wrong[] = {
      "setup x=1\nbegin T1\nT1 get x = 2\nend x=1",
      "begin T1\nT1 put x 1\nT1 commit = conflict x\nend x=1",
      "begin T1\nT1 get x = none\nnow put x 1\nT1 put y 1\nT1 commit\nend x=1",
      "setup x=1\nend",
      "T1 put x 1\nend",
      "begin T1\nT1 fetch x\nend",
      "setup x=1",
  };
  for (const char* text : wrong) EXPECT_EQ(Script(Isolation::kSerializable).Run(text).size(), 1u);
}

}  // namespace
}  // namespace moraine
