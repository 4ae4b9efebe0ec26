// Pages come into memory. The page word is not locked meanwhile: writers go on adding versions to a
// page that is being read, and these are put over the base that was read (architecture.md 8):
//   1 copy the disk word   2 read the pieces, no guard held   3 read the mem word; resident: done
//   4 read the disk word again; other pieces: read those (bytes are judged damaged only if the word
//     still names them)    5 merge the pieces   6 leave out what the pieces cover, keep the rest
//   7 compare-and-swap; failure: 3
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/check.h"
#include "storage/base/status_macros.h"
#include "storage/cache/load_gate.h"
#include "storage/cache/page_reader.h"
#include "storage/tree/tree.h"

namespace moraine {
namespace {

absl::Status Damaged(const PageLoad& load, std::string_view what) {
  return absl::DataLossError("tree " + std::to_string(load.tree.value()) + ", page " +
                             std::to_string(load.page.value()) + ": " + std::string(what));
}

// Checks what the reader, who knows no blocks, could not.
absl::Status CheckPieces(const PageLoad& load, const MergeOperator* merge) {
  if (load.pieces.empty() || load.pieces.front().header.kind != PieceKind::kBase)
    return Damaged(load, "its first piece is no base");
  uint32_t level = load.pieces.front().header.level;
  for (size_t i = 0; i < load.pieces.size(); ++i) {
    const LoadedPiece& piece = load.pieces[i];
    if (i > 0 && (piece.header.kind != PieceKind::kFragment || level != 0))
      return Damaged(load, "a piece that cannot lie on another");
    absl::Status valid = ValidateBlock(piece.payload, level);
    if (!valid.ok()) return Damaged(load, std::string(valid.message()));
    BlockView block(piece.payload.data());
    if (!block.has_merges()) continue;
    if (i == 0) return Damaged(load, "an operand in a base");
    if (merge == nullptr) {
      return absl::FailedPreconditionError(
          "the tree holds operands, but its merge operator is not known");
    }
  }
  return absl::OkStatus();
}

// What the fragments hold beyond the pieces below them, newest first, as versions over the base.
absl::Status CollectFragments(const PageLoad& load, std::deque<std::string>* keys,
                              PageScratch* scratch) {
  scratch->Clear();
  BlockView base(load.pieces.front().payload.data());
  size_t prefix_bytes = base.header().prefix_bytes;
  for (size_t i = load.pieces.size() - 1; i > 0; --i) {
    uint64_t below = 0;
    for (size_t j = 0; j < i; ++j) below = std::max(below, load.pieces[j].header.covers);
    BlockView fragment(load.pieces[i].payload.data());
    for (uint32_t index = 0; index < fragment.count(); ++index) {
      BlockEntry stored = fragment.Leaf(index);
      if (stored.ts < below) continue;
      std::string_view key = stored.suffix;
      if (!fragment.prefix().empty()) {
        keys->push_back(std::string(fragment.prefix()) + std::string(stored.suffix));
        key = keys->back();
      }
      if (key < base.low_fence() || !base.BelowHighFence(key))
        return Damaged(load, "a fragment with a key outside the page's fences");
      KeyVersion entry;
      entry.suffix = key.substr(prefix_bytes);
      entry.head = HeadOf(entry.suffix);
      entry.ts = stored.ts;
      entry.kind = stored.merge       ? VersionKind::kMerge
                   : stored.tombstone ? VersionKind::kDelete
                                      : VersionKind::kPut;
      entry.value = stored.value;
      scratch->above.push_back(entry);
    }
  }
  SortAbove(scratch);
  return absl::OkStatus();
}

}  // namespace

// One block out of all pieces.
absl::StatusOr<char*> Tree::MergePieces(TreeThread& thread, const PageLoad& load,
                                        ChargeKind charge) {
  MORAINE_RETURN_IF_ERROR(CheckPieces(load, merge_));
  const std::string& bytes = load.pieces.front().payload;
  BlockView base(bytes.data());
  uint64_t covers = 0;
  uint64_t max_ts = base.header().max_ts;
  for (const LoadedPiece& piece : load.pieces) {
    covers = std::max(covers, piece.header.covers);
    max_ts = std::max(max_ts, piece.header.max_ts);
  }
  // A refusal must not be final while threads wait for this very load: the reserve is for that.
  auto allocate = [&](size_t size) -> char* {
    void* memory = thread.heap().Allocate(size, charge);
    if (memory == nullptr) memory = thread.heap().Allocate(size, ChargeKind::kReserve);
    return static_cast<char*>(memory);
  };
  absl::Status no_memory =
      absl::ResourceExhaustedError("no memory left to load a page; raise memory_bytes");
  if (load.pieces.size() == 1) {
    char* block = allocate(bytes.size());
    if (block == nullptr) return no_memory;
    std::memcpy(block, bytes.data(), bytes.size());
    PutFixed(block + offsetof(BlockHeader, covers), covers);
    return block;
  }
  PageScratch& scratch = thread.scratch;
  std::deque<std::string> keys;
  MORAINE_RETURN_IF_ERROR(CollectFragments(load, &keys, &scratch));
  environment_.snapshots->Read(environment_.log, &scratch.prune);
  PageImage image;
  image.base = base.data();
  MergeForBlock(image, merge_, &scratch);
  BlockSpec spec;
  spec.level = base.level();
  spec.low_fence = base.low_fence();
  spec.high_fence = base.high_fence();
  spec.has_high_fence = base.has_high_fence();
  spec.right_page = base.right_page();
  spec.max_ts = max_ts;
  spec.covers = covers;
  spec.stripped_bytes = base.header().prefix_bytes;
  char* block = allocate(BlockBytes(spec, scratch.entries));
  if (block == nullptr) return no_memory;
  BuildBlock(spec, scratch.entries, block);
  return block;
}

// True: the page is in memory, or no page any more. False: its pieces are others now, and `load`
// names them.
absl::StatusOr<bool> Tree::InstallLoaded(TreeThread& thread, PageLoad& load, ChargeKind charge) {
  PageTable& table = *environment_.table;
  char* block = nullptr;
  auto discard = [&] {
    if (block != nullptr) thread.heap().Free(block, BlockView(block).header().size_bytes);
  };
  for (Backoff<> backoff;; backoff.Wait()) {
    EpochGuard guard(thread.heap());
    MemWord word = table.Load(load.page);
    // The pages of a dropped tree are given back by now, or will be.
    bool unwanted = dropped() && !thread.releases_tree;
    if (word.resident() || word.state() == PageState::kFree || unwanted) {
      discard();
      return true;
    }
    DiskCopy now = DiskCopy::Of(table.LoadDisk(load.page));
    if (!now.SamePieces(load.disk)) {
      load.disk = now;
      discard();
      return false;
    }
    MORAINE_RETURN_IF_ERROR(load.status);
    if (block == nullptr) {
      MORAINE_ASSIGN_OR_RETURN(block, MergePieces(thread, load, charge));
    }
    if (ReplaceBase(thread, load.page, word, block, BlockView(block).header().covers)) {
      Admit(load.page);
      return true;
    }
    if (table.Load(load.page) == word) {
      discard();
      return absl::ResourceExhaustedError("no memory left to load a page; raise memory_bytes");
    }
  }
}

absl::Status Tree::LoadOnce(std::span<const PageId> pages, ChargeKind charge) {
  TreeThread& thread = environment_.Local();
  PageTable& table = *environment_.table;
  LoadGate* gate = environment_.gate;
  std::vector<PageLoad> loads;
  std::vector<PageId> others;
  absl::Status result;
  for (PageId page : pages) {
    if (gate != nullptr && !gate->TryBegin(page)) {
      others.push_back(page);
      continue;
    }
    EpochGuard guard(thread.heap());
    MemWord word = table.Load(page);
    if (word.resident() || word.state() == PageState::kFree) {
      absl::Status status;
      // The tree leads to no page that is free, unless it was dropped.
      if (!word.resident() && !dropped()) {
        status = absl::DataLossError("tree " + std::to_string(id_.value()) + ": page " +
                                     std::to_string(page.value()) + " does not exist");
      }
      if (gate != nullptr) gate->Finish(page, status);
      if (result.ok()) result = status;
      continue;
    }
    loads.push_back({page, id_, DiskCopy::Of(table.LoadDisk(page)), absl::OkStatus(), {}});
  }
  while (!loads.empty()) {
    environment_.reader->Read(loads);
    std::vector<PageLoad> again;
    for (PageLoad& load : loads) {
      absl::StatusOr<bool> installed = InstallLoaded(thread, load, charge);
      if (installed.ok() && !*installed) {
        again.push_back({load.page, id_, load.disk, absl::OkStatus(), {}});
        continue;
      }
      if (gate != nullptr) gate->Finish(load.page, installed.status());
      if (result.ok()) result = installed.status();
    }
    loads = std::move(again);
  }
  for (PageId page : others) {
    absl::Status status = gate->Wait(page);
    if (result.ok()) result = status;
  }
  return result;
}

absl::Status Tree::LoadPages(std::span<const PageId> pages, ChargeKind charge) {
  MORAINE_DCHECK(!environment_.Local().heap().InGuard());
  if (!environment_.Local().releases_tree) MORAINE_RETURN_IF_ERROR(CheckUsable());
  if (environment_.reader == nullptr)
    return absl::FailedPreconditionError("a page is out of memory, but there is no reader");
  bool may_wait = environment_.service != nullptr && charge == ChargeKind::kOrdinary;
  for (;;) {
    absl::Status room;
    if (may_wait)
      room = environment_.service->MakeRoom(pages.size() * uint64_t{environment_.leaf_bytes});
    // On a full disk all memory may be waiting to be written. What is read takes from the reserve
    // then, and leaves as soon as the next page is read.
    absl::Status status = LoadOnce(pages, room.ok() ? charge : ChargeKind::kReserve);
    if (!room.ok()) return status.ok() ? status : room;
    if (!absl::IsResourceExhausted(status) || !may_wait) return status;
  }
}

}  // namespace moraine
