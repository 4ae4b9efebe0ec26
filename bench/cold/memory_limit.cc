// Finding where cgroups of either version are mounted and which one is ours, and writing a handful
// of their files.
#include "bench/cold/memory_limit.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/str_split.h"

#include "storage/base/status_macros.h"

namespace moraine::bench {
namespace {

struct Hierarchy {
  int version = 0;
  std::string parent;  // the directory of our own group
};

// Where the group of this process lies, in every hierarchy that may limit memory.
std::vector<Hierarchy> MemoryHierarchies() {
  std::string path_v1;
  std::string path_v2;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    // number:controllers:path; version 2 is number 0 and names no controllers
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    if (parts[0] == "0" && parts[1].empty()) path_v2 = parts[2];
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    for (const std::string& controller : controllers) {
      if (controller == "memory") path_v1 = parts[2];
    }
  }
  std::vector<Hierarchy> found;
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string device;
    std::string place;
    std::string type;
    std::string options;
    fields >> device >> place >> type >> options;
    const std::vector<std::string> names = absl::StrSplit(options, ',');
    const bool has_memory = std::find(names.begin(), names.end(), "memory") != names.end();
    if (type == "cgroup2" && !path_v2.empty()) found.insert(found.begin(), {2, place + path_v2});
    if (type == "cgroup" && has_memory && !path_v1.empty()) found.push_back({1, place + path_v1});
  }
  return found;
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  errno = 0;
  std::ofstream file(path);
  file << text << std::flush;
  if (file.good()) return absl::OkStatus();
  return absl::UnimplementedError(path + ": " + std::strerror(errno != 0 ? errno : EIO));
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace

absl::StatusOr<std::unique_ptr<MemoryLimit>> MemoryLimit::Create(uint64_t bytes) {
  absl::Status refusal = absl::UnimplementedError("no cgroup that limits memory is mounted");
  for (const Hierarchy& hierarchy : MemoryHierarchies()) {
    auto limit = CreateBelow(hierarchy.version, hierarchy.parent, bytes);
    if (limit.ok()) return limit;
    refusal = limit.status();
  }
  return refusal;
}

absl::StatusOr<std::unique_ptr<MemoryLimit>> MemoryLimit::CreateBelow(int version,
                                                                      const std::string& parent,
                                                                      uint64_t bytes) {
  static int count = 0;  // one thread makes these; it names them apart
  const std::string directory =
      parent + "/moraine_bench." + std::to_string(getpid()) + "." + std::to_string(++count);
  if (mkdir(directory.c_str(), 0755) != 0) {
    return absl::UnimplementedError(directory + ": " + std::strerror(errno));
  }
  std::unique_ptr<MemoryLimit> limit(new MemoryLimit(version, directory, bytes));
  const std::string text = std::to_string(bytes);
  if (version == 1) {
    MORAINE_RETURN_IF_ERROR(WriteFile(directory + "/memory.limit_in_bytes", text));
    // Memory and swap together; a kernel that does not count swap has no such file.
    const std::string with_swap = directory + "/memory.memsw.limit_in_bytes";
    if (Exists(with_swap)) MORAINE_RETURN_IF_ERROR(WriteFile(with_swap, text));
    return limit;
  }
  if (!Exists(directory + "/memory.max")) {
    // Refused where our own group has processes, which is the usual case outside of containers.
    MORAINE_RETURN_IF_ERROR(WriteFile(parent + "/cgroup.subtree_control", "+memory"));
  }
  MORAINE_RETURN_IF_ERROR(WriteFile(directory + "/memory.max", text));
  const std::string swap = directory + "/memory.swap.max";
  if (Exists(swap)) MORAINE_RETURN_IF_ERROR(WriteFile(swap, "0"));
  return limit;
}

MemoryLimit::~MemoryLimit() { rmdir(directory_.c_str()); }

absl::Status MemoryLimit::Enter() const {
  return WriteFile(directory_ + "/cgroup.procs", std::to_string(getpid()));
}

uint64_t MemoryLimit::PeakBytes() const {
  std::ifstream file(directory_ + (version_ == 1 ? "/memory.max_usage_in_bytes" : "/memory.peak"));
  uint64_t bytes = 0;
  file >> bytes;
  return file ? bytes : 0;
}

std::string MemoryLimit::description() const {
  return "cgroup v" + std::to_string(version_) + ", " + std::to_string(bytes_) + " bytes";
}

}  // namespace moraine::bench
