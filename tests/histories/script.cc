// Each line gives an answer as text, which is compared with what stands behind its `=`.
#include "tests/histories/script.h"

#include <optional>
#include <sstream>
#include <utility>

#include "tests/support/engine_harness.h"

namespace moraine {
namespace {

// `a..m`, `a..`, `..`
KeyInterval IntervalOf(const std::string& text) {
  size_t dots = text.find("..");
  KeyInterval interval{text.substr(0, dots), std::nullopt};
  if (dots + 2 < text.size()) interval.high = text.substr(dots + 2);
  return interval;
}

std::string Failure(const absl::Status& status) {
  std::optional<Conflict> conflict = ConflictOf(status);
  return conflict ? "conflict " + conflict->key : status.ToString();
}

std::optional<WriteKind> KindOf(const std::string& word) {
  if (word == "put") return WriteKind::kPut;
  if (word == "delete") return WriteKind::kDelete;
  if (word == "merge") return WriteKind::kMerge;
  return std::nullopt;
}

}  // namespace

Script::Script(Isolation isolation)
    : isolation_(isolation),
      engine_(Engine::Open("db", SmallEngineOptions(&io_)).value()),
      tree_(engine_->CreateTree("t", {.merge_operator = "add"}).value()) {}

void Script::Complain(const std::string& what) { complaints_.push_back(line_ + "   -> " + what); }

std::string Script::All() {
  std::string all;
  std::vector<ModelRecord> records = ReadAll(*engine_, *tree_).value();
  for (const auto& [key, value] : records) all += (all.empty() ? "" : " ") + key + "=" + value;
  return all;
}

// put x 1, delete x, merge x 1: outside any transaction.
absl::Status Script::Write(const Words& words) {
  std::string value = words.size() > 3 ? words[3] : "";
  std::optional<WriteKind> kind = KindOf(words[1]);
  if (!kind) return absl::InvalidArgumentError("unknown write " + words[1]);
  return engine_->Write({*kind, tree_, words[2], value}, Durability::kNone).status();
}

std::string Script::Walk(Transaction& transaction, const std::string& interval, bool backward,
                         size_t most) {
  std::unique_ptr<Cursor> cursor = transaction.NewCursor(*tree_, IntervalOf(interval)).value();
  absl::Status status = backward ? cursor->SeekToLast() : cursor->SeekToFirst();
  std::string found;
  for (size_t i = 0; status.ok() && cursor->Valid(); ++i) {
    found += (found.empty() ? "" : " ") + std::string(cursor->key()) + ":" +
             std::string(cursor->value());
    if (i + 1 == most) break;
    status = cursor->Next();
  }
  if (!status.ok()) return Failure(status);
  return found.empty() ? "none" : found;
}

std::string Script::AnswerOf(Transaction& transaction, const Words& words) {
  const std::string& verb = words[1];
  std::string key = words.size() > 2 ? words[2] : "";
  std::string value = words.size() > 3 ? words[3] : "";
  if (verb == "get" || verb == "forupdate") {
    std::string answer = "none";
    auto found = [&](std::string_view bytes) { answer = bytes; };
    absl::StatusOr<bool> present = verb == "get" ? transaction.Get(*tree_, key, found)
                                                 : transaction.GetForUpdate(*tree_, key, found);
    return present.ok() ? answer : Failure(present.status());
  }
  if (verb == "scan") return Walk(transaction, key, false, SIZE_MAX);
  if (verb == "first" || verb == "last") return Walk(transaction, key, verb == "last", 1);
  if (verb == "clear") {
    absl::StatusOr<uint64_t> count = transaction.DeleteRange(*tree_, IntervalOf(key));
    return count.ok() ? std::to_string(*count) : Failure(count.status());
  }
  if (verb == "cas") {
    auto ignore = [](std::optional<std::string_view>) {};
    absl::StatusOr<bool> swapped = transaction.CompareAndSwap(*tree_, key, value, words[4], ignore);
    return swapped.ok() ? (*swapped ? "yes" : "no") : Failure(swapped.status());
  }
  absl::Status status = absl::InvalidArgumentError("unknown verb " + verb);
  if (verb == "put") status = transaction.Put(*tree_, key, value);
  if (verb == "delete") status = transaction.Delete(*tree_, key);
  if (verb == "merge") status = transaction.Merge(*tree_, key, value);
  if (verb == "commit") status = transaction.Commit(Durability::kNone).status();
  if (verb == "abort") {
    transaction.Abort();
    status = absl::OkStatus();
  }
  return status.ok() ? "" : Failure(status);
}

std::string Script::Answer(const Words& words) {
  if (words[0] == "now") {
    absl::Status status = Write(words);
    return status.ok() ? "" : status.ToString();
  }
  auto found = transactions_.find(words[0]);
  if (found == transactions_.end() || words.size() < 2) return "unknown transaction";
  return AnswerOf(*found->second, words);
}

void Script::RunLine(const Words& words, const std::string& expected) {
  if (words[0] == "setup" || words[0] == "end") {
    std::string all;
    for (size_t i = 1; i < words.size(); ++i) {
      size_t equals = words[i].find('=');
      all += (all.empty() ? "" : " ") + words[i];
      if (words[0] != "setup") continue;
      absl::Status status =
          Write({"now", "put", words[i].substr(0, equals), words[i].substr(equals + 1)});
      if (!status.ok()) Complain(status.ToString());
    }
    if (All() != all) Complain("there is " + All());
    return;
  }
  if (words[0] == "begin") {
    TransactionOptions options;
    options.isolation = isolation_;
    for (size_t i = 1; i < words.size(); ++i)
      transactions_[words[i]] = Transaction::Begin(*engine_, options).value();
    return;
  }
  std::string answer = Answer(words);
  if (answer != expected) Complain("it is " + (answer.empty() ? "ok" : answer));
}

std::vector<std::string> Script::Run(const std::string& text) {
  std::istringstream lines(text);
  bool ended = false;
  while (std::getline(lines, line_)) {
    std::string rest = line_.substr(0, line_.find('#'));
    std::string level = isolation_ == Isolation::kSerializable ? "[serializable]" : "[snapshot]";
    if (rest.starts_with("[")) {
      if (!rest.starts_with(level)) continue;
      rest = rest.substr(level.size());
    }
    size_t equals = rest.find(" = ");
    std::string expected = equals == std::string::npos ? "" : rest.substr(equals + 3);
    while (expected.ends_with(' ')) expected.pop_back();
    std::istringstream words_of(rest.substr(0, equals));
    Words words;
    for (std::string word; words_of >> word;) words.push_back(word);
    if (words.empty()) continue;
    ended = ended || words[0] == "end";
    RunLine(words, expected);
  }
  line_ = "the script";
  if (!ended) Complain("has no `end`");
  return std::move(complaints_);
}

}  // namespace moraine
