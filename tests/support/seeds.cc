// Reads the flags of random tests from /proc and makes their scratch directories.
#include "tests/support/seeds.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>

namespace moraine {
namespace {

std::optional<uint64_t> Flag(std::string_view name) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string arguments((std::istreambuf_iterator<char>(file)),
                              std::istreambuf_iterator<char>());
  const std::string wanted = "--" + std::string(name) + "=";
  for (size_t at = 0; at < arguments.size(); at += std::string_view(&arguments[at]).size() + 1) {
    const std::string argument(&arguments[at]);
    if (argument.starts_with(wanted)) {
      return std::strtoull(argument.c_str() + wanted.size(), nullptr, 0);
    }
    // As two arguments: --name N.
    const size_t next = at + argument.size() + 1;
    if (argument + "=" == wanted && next < arguments.size())
      return std::strtoull(&arguments[next], nullptr, 0);
  }
  return std::nullopt;
}

uint64_t ChooseSeed() {
  std::random_device device;
  const uint64_t seed = Flag("seed").value_or(device());
  std::printf("--seed=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

}  // namespace

uint64_t TestSeed() {
  static const uint64_t seed = ChooseSeed();
  return seed;
}

uint64_t TestFlag(std::string_view name, uint64_t otherwise) {
  return Flag(name).value_or(otherwise);
}

std::string FreshDirectory(std::string_view name) {
  const char* scratch = std::getenv("TEST_TMPDIR");
  std::filesystem::path path(scratch != nullptr ? scratch : "/tmp");
  path /= std::string(name);
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

std::string Random::Bytes(size_t count) {
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(Next() >> 56);
  return bytes;
}

}  // namespace moraine
