// What can be wrong at an operation, and what a mutant is called.
#include "tests/support/checker/mutants.h"

#include <initializer_list>
#include <string_view>
#include <utility>

namespace moraine::checker {
namespace {

using enum MutationKind;

const char* Name(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    default:
      return "seq_cst";
  }
}

const char* Name(OperationKind kind) {
  switch (kind) {
    case OperationKind::kLoad:
      return "load";
    case OperationKind::kStore:
      return "store";
    case OperationKind::kAdd:
      return "update";
    case OperationKind::kExchange:
      return "exchange";
    case OperationKind::kSwap:
      return "swap";
    default:
      return "fence";
  }
}

// The orders one notch weaker.
std::vector<std::memory_order> Weaker(std::memory_order order, OperationKind kind) {
  if (kind == OperationKind::kFence) {
    if (order == std::memory_order_seq_cst) return {std::memory_order_acq_rel};
    return {};
  }
  switch (order) {
    case std::memory_order_acq_rel:
      return {std::memory_order_acquire, std::memory_order_release};
    case std::memory_order_acquire:
    case std::memory_order_release:
      return {std::memory_order_relaxed};
    default:
      return {};
  }
}

// Each mutation of a site with its description.
std::vector<std::pair<Mutation, std::string>> MutationsOf(const Site& site, const SiteUse& use) {
  std::vector<std::pair<Mutation, std::string>> all;
  auto add = [&](MutationKind kind, std::memory_order order, std::string text) {
    all.push_back({Mutation{site, kind, order}, std::move(text)});
  };
  auto plain = [&](MutationKind kind, std::string text) {
    add(kind, std::memory_order_relaxed, std::move(text));
  };
  for (std::memory_order order : Weaker(use.order, use.kind)) {
    add(kOrder, order, std::string(Name(use.order)) + " -> " + Name(order));
  }
  if (use.kind == OperationKind::kSwap && use.failure == std::memory_order_acquire) {
    add(kFailureOrder, std::memory_order_relaxed, "failure acquire -> relaxed");
  }
  bool fence = use.kind == OperationKind::kFence || use.kind == OperationKind::kHalfFence;
  bool update = use.kind == OperationKind::kAdd || use.kind == OperationKind::kExchange;
  if (fence || use.kind == OperationKind::kStore) plain(kDrop, "left out");
  if (use.kind == OperationKind::kSwap) plain(kSwapToStore, "a blind store");
  if (update) plain(kSplit, "load, then store");
  if (use.number && use.kind != OperationKind::kLoad) {
    plain(kMore, "one unit more");
    plain(kLess, "one unit less");
  }
  return all;
}

}  // namespace

std::string ShortFunctionName(const std::string& function) {
  // The name ends at the first parenthesis outside of template arguments...
  size_t end = 0;
  int depth = 0;
  for (; end < function.size(); ++end) {
    char c = function[end];
    if (c == '<') ++depth;
    if (c == '>') --depth;
    if (c == '(' && depth == 0) break;
  }
  // ... and begins after the last blank there.
  std::string name;
  std::vector<std::string> parts(1);
  for (size_t at = 0; at < end; ++at) {
    char c = function[at];
    if (c == '>') --depth;
    if (depth == 0) {
      if (c == ' ') {
        parts.assign(1, "");
      } else if (c == ':') {
        if (!parts.back().empty()) parts.emplace_back();
      } else if (c != '<' && c != '>') {
        parts.back() += c;
      }
    }
    if (c == '<') ++depth;
  }
  if (parts.size() == 1 || parts[parts.size() - 2] == "moraine") return parts.back();
  return parts[parts.size() - 2] + "::" + parts.back();
}

std::vector<Mutant> MutantsOf(const std::map<Site, SiteUse>& sites) {
  std::vector<Mutant> mutants;
  std::map<std::string, int> seen;  // operations of a kind in a function
  for (const auto& [site, use] : sites) {
    std::string place = site.file.substr(site.file.rfind('/') + 1) + " " +
                        ShortFunctionName(use.function) + " " + Name(use.kind);
    int number = ++seen[place];
    for (auto& [mutation, text] : MutationsOf(site, use)) {
      mutants.push_back({mutation, place + " " + std::to_string(number) + ": " + text});
    }
  }
  return mutants;
}

}  // namespace moraine::checker
