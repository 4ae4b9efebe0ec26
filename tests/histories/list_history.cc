// From steps and answers to appends and reads.
#include "tests/histories/list_history.h"

#include <vector>

#include "absl/strings/str_cat.h"

namespace moraine {
namespace {

using history::Element;
using history::History;

std::vector<Element> ElementsOf(std::string_view text) {
  std::vector<Element> elements;
  while (!text.empty()) {
    size_t comma = text.find(',');
    elements.push_back(History::Number(std::stoull(std::string(text.substr(0, comma)))));
    text.remove_prefix(comma + 1);
  }
  return elements;
}

// "=1,2," or "none"
std::vector<Element> AnswerOf(std::string_view answer) {
  return answer == "none" ? std::vector<Element>() : ElementsOf(answer.substr(1));
}

// "key00001=1,2,;key00002=3,;"
std::vector<History::Found> FoundOf(std::string_view answer) {
  std::vector<History::Found> found;
  while (!answer.empty()) {
    size_t equals = answer.find('=');
    size_t end = answer.find(';');
    found.push_back({std::string(answer.substr(0, equals)),
                     ElementsOf(answer.substr(equals + 1, end - equals - 1))});
    answer.remove_prefix(end + 1);
  }
  return found;
}

// What is rolled back never was, and neither are the reads since the savepoint, which may have seen
// it.
std::vector<const Step*> StepsThatStay(const Committed& transaction) {
  std::vector<const Step*> stay;
  std::vector<size_t> savepoints;
  for (const Step& step : transaction.steps) {
    if (step.kind == Step::Kind::kSavepoint) savepoints.push_back(stay.size());
    if (step.kind == Step::Kind::kRollBack && step.count > 0) {
      savepoints.resize(step.count);
      stay.resize(savepoints.back());
    }
    if (step.tree == kListTree) stay.push_back(&step);
  }
  return stay;
}

void AddTransaction(const Committed& transaction, uint64_t number, History* history) {
  std::vector<const Step*> steps = StepsThatStay(transaction);
  if (steps.empty()) return;
  History::Header header;
  header.line = number;
  header.name = absl::StrCat("T", number, "@", transaction.position);
  header.snapshot_only = transaction.isolation == Isolation::kSnapshot;
  header.begin = transaction.begin;
  header.end = transaction.end;
  history->Begin(std::move(header));
  for (const Step* step : steps) {
    switch (step->kind) {
      case Step::Kind::kGet:
        history->Read(step->key, AnswerOf(step->answer));
        break;
      case Step::Kind::kScan:
        history->Scan(step->key, step->other, FoundOf(step->answer));
        break;
      case Step::Kind::kReadAppend:
        history->Read(step->key, AnswerOf(step->answer));
        history->Append(step->key, ElementsOf(step->other).front());
        break;
      case Step::Kind::kMerge:
        history->Append(step->key, ElementsOf(step->value).front());
        break;
      default:
        break;
    }
  }
}

}  // namespace

std::string ListElement(uint64_t element) { return absl::StrCat(element, ","); }

std::string CheckLists(const ListHistory& lists, history::Level level) {
  History history;
  if (lists.before != nullptr) {
    History::Header header;
    header.name = "before";
    history.Begin(std::move(header));
    for (const auto& [key, list] : (*lists.before)[kListTree]) {
      for (Element element : ElementsOf(list)) history.Append(key, element);
    }
  }
  uint64_t number = 0;
  for (const Committed& transaction : lists.committed) {
    ++number;
    if (lists.survived_to && transaction.position > *lists.survived_to) continue;
    AddTransaction(transaction, number, &history);
  }
  if (lists.left != nullptr) {
    History::Header header;
    header.name = "left";
    history.Begin(std::move(header));
    for (const auto& [key, list] : (*lists.left)[kListTree]) history.Read(key, ElementsOf(list));
  }
  absl::Status finished = history.Finish();
  if (!finished.ok()) return std::string(finished.message());
  history::Report report = history::CheckHistory(history, level);
  return report.anomalies().empty() ? "" : report.Text(history);
}

}  // namespace moraine
