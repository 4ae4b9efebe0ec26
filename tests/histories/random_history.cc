// The threads of a random history, and what is checked after each era.
#include "tests/histories/random_history.h"

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/status_macros.h"
#include "tests/histories/list_history.h"
#include "tests/support/engine_harness.h"
#include "tests/support/schedule.h"

namespace moraine {
namespace {

constexpr char kPath[] = "db";
constexpr const char* kTreeNames[kReplayTrees] = {"plain", "sums", "lists"};
constexpr const char* kOperators[kReplayTrees] = {"", "add", "append"};
// Lists stay short: after so many elements for each, other lists are used.
constexpr uint64_t kListKeys = 6;
constexpr uint64_t kListLength = 24;

}  // namespace

void RandomHistoryCounts::Add(const RandomHistoryCounts& other) {
  committed += other.committed;
  refused += other.refused;
  lost += other.lost;
  evicted += other.evicted;
  loaded += other.loaded;
  most_pages = std::max(most_pages, other.most_pages);
}

RandomHistory::RandomHistory(const RandomHistoryOptions& options)
    : options_(options), random_(options.seed) {}

absl::Status RandomHistory::OpenEngine(const SimulatedDisk& disk) {
  SimulatedOptions device;
  device.seed = random_.Next();
  io_ = std::make_unique<SimulatedIo>(device, disk);
  EngineOptions options = SmallEngineOptions(io_.get());
  options.memory_bytes = uint64_t{12} << 20;
  options.log_ring_bytes = uint64_t{1} << 20;
  options.checkpoint_log_bytes = uint64_t{512} << 10;
  options.checkpoint_on_close = false;
  MORAINE_ASSIGN_OR_RETURN(engine_, Engine::Open(kPath, options));
  for (uint32_t tree = 0; tree < kReplayTrees; ++tree) {
    absl::StatusOr<Tree*> opened = engine_->OpenTree(kTreeNames[tree]);
    if (absl::IsNotFound(opened.status()))
      opened = engine_->CreateTree(kTreeNames[tree], {.merge_operator = kOperators[tree]});
    MORAINE_ASSIGN_OR_RETURN(trees_[tree], std::move(opened));
  }
  return engine_->Flush();  // a cut leaves the trees
}

std::string RandomHistory::Run() {
  absl::Status opened = OpenEngine({});
  for (uint64_t era = 0; era < options_.eras; ++era) {
    if (!opened.ok()) return "open: " + opened.ToString();
    std::string wrong = RunEra(era);
    if (!wrong.empty())
      return absl::StrCat("era ", era, " of seed ", options_.seed, ", keys ", options_.keys, ": ",
                          wrong);
  }
  return "";
}

std::string RandomHistory::RunEra(uint64_t era) {
  committed_.clear();
  image_.reset();
  cut_at_ = 1 + random_.Below(options_.transactions);
  // order: relaxed: one thread now
  begun_.store(0, std::memory_order_relaxed);
  // order: relaxed: positions of a crashed past say nothing
  returned_.store(0, std::memory_order_relaxed);
  // order: relaxed: the same
  durable_.store(0, std::memory_order_relaxed);
  io_->OnBoundary([this](const SimulatedBoundary& boundary) {
    // order: relaxed: any moment will do
    if (image_ || begun_.load(std::memory_order_relaxed) < cut_at_) return;
    // order: acquire <- RandomHistory::Raise [V1]
    image_ = Image{boundary.disk, durable_.load(std::memory_order_acquire)};
  });
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
  for (uint64_t number = 0; number < kThreads; ++number) {
    workers.push_back(std::make_unique<Worker>(Random::Derive(options_.seed, era * 100 + number)));
    workers.back()->number = number;
    workers.back()->open.resize(3);
    threads.emplace_back([this, worker = workers.back().get()] {
      AtomicJitter jitter(worker->random.Next());
      absl::Status status = Work(*worker);
      worker->open.clear();
      MutexLock lock(mutex_);
      if (!status.ok() && wrong_.empty()) wrong_ = status.ToString();
    });
  }
  for (std::thread& thread : threads) thread.join();
  io_->OnBoundary(nullptr);
  if (!wrong_.empty()) return wrong_;
  for (const auto& worker : workers)
    std::move(worker->history.begin(), worker->history.end(), std::back_inserter(committed_));
  counts_.committed += committed_.size();
  // order: relaxed: one thread now
  counts_.refused = refused_.load(std::memory_order_relaxed);
  return CheckEra();
}

absl::StatusOr<ReplayMaps> RandomHistory::ReadMaps() {
  ReplayMaps maps;
  for (uint32_t tree = 0; tree < kReplayTrees; ++tree) {
    MORAINE_ASSIGN_OR_RETURN(std::vector<ModelRecord> records, ReadAll(*engine_, *trees_[tree]));
    maps[tree].insert(std::make_move_iterator(records.begin()),
                      std::make_move_iterator(records.end()));
  }
  return maps;
}

void RandomHistory::CountPages() {
  absl::StatusOr<EngineStats> stats = engine_->Stats();
  if (!stats.ok()) return;
  counts_.evicted += stats->pages_evicted;
  counts_.loaded += stats->pages_loaded;
  counts_.most_pages = std::max(counts_.most_pages, stats->pages);
}

// Loses power, opens what is left, and compares.
std::string RandomHistory::CheckEra() {
  CountPages();
  absl::StatusOr<ReplayMaps> there = ReadMaps();
  if (!there.ok()) return "read: " + there.status().ToString();
  // order: relaxed: one thread now
  if (!image_) image_ = Image{io_->Image(), durable_.load(std::memory_order_relaxed)};
  engine_.reset();
  Image image = *std::move(image_);
  uint64_t cut = random_.Next();
  absl::Status opened = OpenEngine(image.disk.SurvivePowerCut(PowerCutPlan::FromSeed(cut)));
  if (!opened.ok()) return absl::StrCat("open after cut ", cut, ": ", opened.ToString());
  absl::StatusOr<ReplayMaps> left = ReadMaps();
  if (!left.ok()) return absl::StrCat("read after cut ", cut, ": ", left.status().ToString());

  Replay replay(before_);
  replay.LookFor(&*left);
  if (std::optional<std::string> wrong = replay.Check(&committed_)) return *wrong;
  if (replay.maps() != *there) return "the records at the end are not those of the replay";
  std::string wrong =
      CheckLists({committed_, &before_, std::nullopt, nullptr}, history::Level::kStrict);
  if (!wrong.empty()) return wrong;
  if (!replay.found_at())
    return absl::StrCat("cut ", cut, " left what no prefix of the commit order gives");
  if (*replay.found_at() < image.durable)
    return absl::StrCat("cut ", cut, " left the state at ", *replay.found_at(), "; durable was ",
                        image.durable);
  for (const Committed& one : committed_) {
    if (one.wrote && one.position > *replay.found_at()) ++counts_.lost;
  }
  wrong =
      CheckLists({committed_, &before_, replay.found_at(), &*left}, history::Level::kSerializable);
  if (!wrong.empty()) return absl::StrCat("after cut ", cut, ": ", wrong);
  before_ = *std::move(left);
  return "";
}

uint64_t RandomHistory::Now() {
  // order: seq_cst: whoever reads a larger time comes after whoever read a smaller one
  return clock_.fetch_add(1, std::memory_order_seq_cst);
}

// Several transactions open at a time, so that they overlap however few processors there are.
absl::Status RandomHistory::Work(Worker& worker) {
  Random& random = worker.random;
  for (uint64_t begun = 0; begun < options_.transactions / kThreads;) {
    Open& one = worker.open[random.Below(worker.open.size())];
    if (random.OneIn(300)) MORAINE_RETURN_IF_ERROR(engine_->Trim(random.Skewed(6)).status());
    if (one.transaction != nullptr) {
      MORAINE_RETURN_IF_ERROR(StepOn(worker, one));
      continue;
    }
    ++begun;
    // order: relaxed: a count
    begun_.fetch_add(1, std::memory_order_relaxed);
    MORAINE_RETURN_IF_ERROR(random.OneIn(4) ? WriteOne(worker) : Begin(worker, &one));
  }
  return absl::OkStatus();
}

// Two steps of five are on lists. A transaction that asked for snapshots only appends by read and
// put: two merges of a list do not conflict there, and that is no lost update.
Step RandomHistory::NextStep(Worker& worker, bool may_merge_lists) {
  Random& random = worker.random;
  if (random.Below(5) > 1) return RandomStep(random, options_.keys, options_.padding);
  // order: relaxed: a count
  uint64_t element = 1 + elements_.fetch_add(1, std::memory_order_relaxed);
  uint64_t first = element / (kListKeys * kListLength) * kListKeys;
  Step step;
  step.tree = kListTree;
  step.key = NumberedKey(first + random.Below(kListKeys));
  switch (random.Below(5)) {
    case 0:
      step.kind = Step::Kind::kScan;
      step.other = NumberedKey(first + kListKeys);
      step.count = UINT64_MAX;
      break;
    case 1:
      step.kind = Step::Kind::kGet;
      break;
    case 2:
      step.kind = Step::Kind::kMerge;
      step.value = ListElement(element);
      if (may_merge_lists) break;
      [[fallthrough]];
    default:
      step.kind = Step::Kind::kReadAppend;
      step.value.clear();
      step.other = ListElement(element);
  }
  return step;
}

// A write or an update outside any transaction: a transaction of one step.
absl::Status RandomHistory::WriteOne(Worker& worker) {
  Random& random = worker.random;
  Committed one;
  Step step = RandomStep(random, options_.keys, options_.padding);
  constexpr Step::Kind kKinds[] = {Step::Kind::kPut, Step::Kind::kDelete, Step::Kind::kMerge,
                                   Step::Kind::kCompareAndSwap};
  step.kind = kKinds[random.Below(4)];
  if (step.kind == Step::Kind::kMerge) step.tree = 1;
  if (step.kind == Step::Kind::kMerge && random.OneIn(2)) {
    step = NextStep(worker, true);
    while (step.tree != kListTree || step.kind != Step::Kind::kMerge) step = NextStep(worker, true);
  }
  if (step.value.empty()) step.value = "1";
  auto durability = random.OneIn(64) ? Durability::kSync : Durability::kNone;
  one.begin = Now();
  absl::StatusOr<Lsn> position = Lsn(0);
  if (step.kind == Step::Kind::kCompareAndSwap) {
    // Whatever is there is what it expects, so that it always swaps.
    auto update = [&](std::optional<std::string_view> value) -> UpdateDecision {
      step.other = value.value_or("");
      return {UpdateDecision::Action::kPut, step.value};
    };
    auto updated = engine_->Update(*trees_[step.tree], step.key, update, durability);
    position = updated.ok() ? absl::StatusOr<Lsn>(**updated) : updated.status();
  } else {
    WriteKind kind = step.kind == Step::Kind::kPut      ? WriteKind::kPut
                     : step.kind == Step::Kind::kDelete ? WriteKind::kDelete
                                                        : WriteKind::kMerge;
    position = engine_->Write({kind, trees_[step.tree], step.key, step.value}, durability);
  }
  MORAINE_RETURN_IF_ERROR(position.status());
  one.end = Now();
  one.wrote = true;
  one.position = one.read_position = position->value();
  one.steps.push_back(std::move(step));
  worker.history.push_back(std::move(one));
  return NoteReturned(position->value(), durability);
}

absl::Status RandomHistory::Begin(Worker& worker, Open* one) {
  *one = Open();
  TransactionOptions options;
  if (worker.random.OneIn(4)) options.isolation = Isolation::kSnapshot;
  // order: acquire <- RandomHistory::Raise [V1]
  uint64_t returned = returned_.load(std::memory_order_acquire);
  one->record.begin = Now();
  MORAINE_ASSIGN_OR_RETURN(one->transaction, Transaction::Begin(*engine_, options));
  one->steps_left = 1 + worker.random.Below(7);
  one->record.isolation = options.isolation;
  one->record.read_position = one->record.position = one->transaction->read_position().value();
  if (one->record.read_position <= returned)
    return absl::InternalError("a transaction began before a commit that had returned");
  return absl::OkStatus();
}

absl::Status RandomHistory::StepOn(Worker& worker, Open& one) {
  if (one.steps_left == 0) return Finish(worker, one);
  --one.steps_left;
  Step step = NextStep(worker, one.record.isolation == Isolation::kSerializable);
  if (step.kind == Step::Kind::kSavepoint) ++one.savepoints;
  if (step.kind == Step::Kind::kRollBack)
    step.count = one.savepoints = one.savepoints == 0 ? 0 : 1 + worker.random.Below(one.savepoints);
  absl::Status status = Take(*one.transaction, trees_, &step);
  one.record.steps.push_back(std::move(step));
  return status.ok() ? status : Lost(one, status);
}

absl::Status RandomHistory::Finish(Worker& worker, Open& one) {
  if (worker.random.OneIn(30)) {
    one.transaction.reset();
    return absl::OkStatus();
  }
  auto durability = worker.random.OneIn(64) ? Durability::kSync : Durability::kNone;
  absl::StatusOr<Lsn> position = one.transaction->Commit(durability);
  if (!position.ok()) return Lost(one, position.status());
  one.record.end = Now();
  one.record.position = position->value();
  one.record.wrote = one.transaction->has_writes();
  bool wrote = one.record.wrote;
  worker.history.push_back(std::move(one.record));
  one.transaction.reset();
  return wrote ? NoteReturned(position->value(), durability) : absl::OkStatus();
}

absl::Status RandomHistory::Lost(Open& one, const absl::Status& status) {
  one.transaction.reset();
  if (!ConflictOf(status)) return status;
  // order: relaxed: a count
  refused_.fetch_add(1, std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::Status RandomHistory::NoteReturned(uint64_t position, Durability durability) {
  Raise(returned_, position);
  if (durability == Durability::kSync) Raise(durable_, position);
  return absl::OkStatus();
}

void RandomHistory::Raise(Atomic<uint64_t>& largest, uint64_t position) {
  // order: relaxed: the exchange below is what publishes
  uint64_t known = largest.load(std::memory_order_relaxed);
  // order: release -> RandomHistory::Raise [V1]
  while (known < position &&
         !largest.compare_exchange_weak(known, position, std::memory_order_release,
                                        std::memory_order_relaxed)) {
  }
}

}  // namespace moraine
