// The state of a simulated disk as a value: what is durable, what a running process sees, and the
// list of changes in between. Copies are cheap (they share everything), so that a test keeps one at
// every write of a workload; SurvivePowerCut turns any of them into a disk after a power cut.
//
// What may survive a cut, where nothing was synced, is at least what real disks and file systems
// do, and at most what storage/io/io.h allows:
//   data      each write is kept, dropped or torn, write by write; a torn one decides for each
//             512-byte sector. A sector holds its durable state or the state after some write to
//             it, never a mixture: sectors are atomic and a page cache writes its newest contents.
//   size      is one number: the last size change that is kept. Kept data beyond it is lost, a part
//             below it that was not kept is old or zero. Cuts that are not kept never happened, and
//             nothing written after them beyond the cut survives.
//   entries   each creation, removal and rename is kept or dropped, a rename as a whole.
// A sync of a file makes its data and size durable, not its name; a durable write its own bytes and
// the size; a sync of a directory its names.
#ifndef MORAINE_TESTS_SUPPORT_SIMULATED_DISK_H_
#define MORAINE_TESTS_SUPPORT_SIMULATED_DISK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/shared_bytes.h"

namespace moraine {

inline constexpr uint64_t kDeviceSectorBytes = 512;

// A change that is not durable yet.
struct PendingChange {
  enum class Kind : uint8_t { kWrite, kResize, kCreate, kRemove, kRename };
  uint64_t sequence = 0;  // in the order in which changes were made, over the whole disk
  Kind kind = Kind::kWrite;
  uint64_t file = 0;     // of data, or the file behind the name
  uint64_t offset = 0;   // kWrite
  std::string bytes;     // kWrite
  uint64_t size = 0;     // kResize: the new size
  std::string name, to;  // of entries
};

enum class Fate : uint8_t { kDropped, kKept, kTorn };

// Decides what a power cut leaves. Plans of the same seed treat the same disk alike.
struct PowerCutPlan {
  enum class Kind : uint8_t {
    kDropAll,  // only what was made durable
    kKeepAll,  // everything, as if the process had just died
    kPrefix,   // changes up to a point, the one there torn
    kRandom,   // each change on its own
    kChosen,   // as `choose` says
  };
  Kind kind = Kind::kRandom;
  uint64_t seed = 0;
  std::function<Fate(const PendingChange&)> choose;

  // Eight seeds in a row are one of each of the first three kinds and five random ones.
  static PowerCutPlan FromSeed(uint64_t seed);
};

class SimulatedDisk {
 public:
  using FileId = uint64_t;

  SimulatedDisk() = default;
  SimulatedDisk(const SimulatedDisk& other);
  SimulatedDisk& operator=(const SimulatedDisk& other);

  // Directories are durable at once; "", "." and "/" always exist.
  bool HasDirectory(const std::string& path) const;
  void MakeDirectory(const std::string& path);
  std::optional<FileId> Find(const std::string& directory, std::string_view name) const;
  std::vector<std::string> List(const std::string& directory) const;
  FileId Create(const std::string& directory, std::string_view name);
  void Remove(const std::string& directory, std::string_view name);
  void Rename(const std::string& directory, std::string_view from, std::string_view to);
  void SyncDirectory(const std::string& directory);

  uint64_t Size(FileId file) const;
  void Read(FileId file, uint64_t offset, char* data, size_t size) const;
  void Write(FileId file, uint64_t offset, std::string_view bytes);
  void Resize(FileId file, uint64_t size);
  void Sync(FileId file);
  // Makes bytes just written durable, with the size of the file.
  void SyncRange(FileId file, uint64_t offset, uint64_t size);
  // What a failed sync does: unsynced data is dropped or, some of it, reaches the disk after all;
  // later syncs do not bring it back.
  void LoseUnsynced(FileId file, uint64_t seed);

  // Forgets files that no name, present, durable or pending, can lead to, but for those in `open`.
  void DropUnreachable(const std::set<FileId>& open);

  // The sizes of all files that have a name.
  uint64_t UsedBytes() const;
  // Everything that is not durable, in the order in which it was made.
  std::vector<PendingChange> PendingChanges() const;
  // The disk after a power cut; everything on it is durable.
  SimulatedDisk SurvivePowerCut(const PowerCutPlan& plan) const;
  // Of names and contents as a process sees them; equal for equal disks.
  uint64_t Hash() const;

 private:
  using Change = std::shared_ptr<const PendingChange>;
  using FateOf = std::function<Fate(const PendingChange&)>;
  struct Contents {
    uint64_t owner = 0;
    SharedBytes durable;
    SharedBytes current;
    std::vector<Change> pending;
  };
  struct Entries {
    uint64_t owner = 0;
    std::map<std::string, FileId, std::less<>> durable;
    std::map<std::string, FileId, std::less<>> current;
    std::vector<Change> pending;
  };

  // The mark under which this value may change parts in place.
  uint64_t Owner();
  Contents& OwnContents(FileId file);
  Entries& OwnEntries(const std::string& directory);
  const Contents& ContentsOf(FileId file) const { return *contents_.at(file); }
  Change NewChange(PendingChange change);
  // What is left of `contents` when `fate_of` decides; seeds tear sectors.
  static SharedBytes Survivor(const Contents& contents, const FateOf& fate_of, uint64_t seed,
                              uint64_t owner);
  std::map<std::string, std::shared_ptr<Entries>, std::less<>> entries_;
  std::map<FileId, std::shared_ptr<Contents>> contents_;
  FileId next_file_ = 1;
  uint64_t next_sequence_ = 0;
  // Zero after a copy was taken from this value or made into it: nothing is owned. Mutable, because
  // being copied ends the ownership of the source; a value that owns nothing is not touched.
  mutable uint64_t owner_ = 0;
};

}  // namespace moraine

#endif  // MORAINE_TESTS_SUPPORT_SIMULATED_DISK_H_
