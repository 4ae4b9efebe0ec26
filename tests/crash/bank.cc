// Transfers, which are transactions that read and write, and the audit of what they left.
#include "tests/crash/bank.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "storage/base/status_macros.h"
#include "tests/support/engine_harness.h"
#include "txn/transact.h"

namespace moraine {
namespace {

constexpr uint64_t kAccounts = 5;  // in each of the two trees
constexpr int64_t kDeposit = 100;

std::string AccountName(uint64_t number) { return "account" + std::to_string(number); }

absl::StatusOr<int64_t> Balance(Transaction& transaction, Tree& tree, const std::string& account) {
  int64_t balance = 0;
  MORAINE_RETURN_IF_ERROR(
      transaction
          .Get(tree, account, [&](std::string_view v) { balance = std::stoll(std::string(v)); })
          .status());
  return balance;
}

}  // namespace

absl::StatusOr<Bank> Bank::Open(Engine& engine) {
  Bank bank(engine);
  for (auto [name, tree] :
       {std::pair("checking", &bank.checking_), std::pair("savings", &bank.savings_),
        std::pair("journal", &bank.journal_)}) {
    absl::StatusOr<Tree*> opened = engine.OpenTree(name);
    if (absl::IsNotFound(opened.status())) opened = engine.CreateTree(name, {});
    MORAINE_RETURN_IF_ERROR(opened.status());
    *tree = *opened;
  }
  MORAINE_ASSIGN_OR_RETURN(auto first, ReadValue(engine, *bank.checking_, AccountName(0)));
  if (first) return bank;
  auto deposit = [&](Transaction& transaction) {
    for (uint64_t i = 0; i < kAccounts; ++i) {
      for (Tree* tree : {bank.checking_, bank.savings_})
        MORAINE_RETURN_IF_ERROR(transaction.Put(*tree, AccountName(i), std::to_string(kDeposit)));
    }
    return absl::OkStatus();
  };
  MORAINE_RETURN_IF_ERROR(Transact(engine, {}, {}, {}, Durability::kSync, deposit).status());
  return bank;
}

absl::Status Bank::Transfer(uint64_t teller, uint64_t number, Random& random,
                            Durability durability) {
  std::string from = AccountName(random.Below(kAccounts));
  std::string to = AccountName(random.Below(kAccounts));
  auto amount = static_cast<int64_t>(random.Below(20));
  bool save = random.OneIn(2);
  auto transfer = [&](Transaction& transaction) -> absl::Status {
    Tree& source = save ? *checking_ : *savings_;
    Tree& target = save ? *savings_ : *checking_;
    MORAINE_ASSIGN_OR_RETURN(int64_t has, Balance(transaction, source, from));
    MORAINE_ASSIGN_OR_RETURN(int64_t had, Balance(transaction, target, to));
    int64_t moved = std::min(has, amount);
    MORAINE_RETURN_IF_ERROR(transaction.Put(source, from, std::to_string(has - moved)));
    MORAINE_RETURN_IF_ERROR(transaction.Put(target, to, std::to_string(had + moved)));
    char key[32];
    std::snprintf(key, sizeof(key), "%llu/%08llu", static_cast<unsigned long long>(teller),
                  static_cast<unsigned long long>(number));
    return transaction.Put(*journal_, key,
                           absl::StrCat(save ? "c" : "s", from, ">", to, ":", moved));
  };
  RetryOptions retry;
  retry.most_tries = 1'000'000;
  return Transact(*engine_, {}, retry, {}, durability, transfer).status();
}

std::string Bank::Audit(std::vector<uint64_t>* transfers) {
  transfers->assign(kTellers, 0);
  std::map<std::string, int64_t> balances[2];
  for (uint64_t i = 0; i < kAccounts; ++i)
    balances[0][AccountName(i)] = balances[1][AccountName(i)] = kDeposit;
  absl::StatusOr<std::vector<ModelRecord>> journal = ReadAll(*engine_, *journal_);
  if (!journal.ok()) return journal.status().ToString();
  for (const auto& [key, entry] : *journal) {
    uint64_t teller = std::stoull(key.substr(0, key.find('/')));
    if (std::stoull(key.substr(key.find('/') + 1)) != ++(*transfers)[teller])
      return "the journal has a gap before " + key;
    size_t arrow = entry.find('>');
    size_t colon = entry.find(':');
    int64_t amount = std::stoll(entry.substr(colon + 1));
    bool save = entry[0] == 'c';
    balances[save ? 0 : 1][entry.substr(1, arrow - 1)] -= amount;
    balances[save ? 1 : 0][entry.substr(arrow + 1, colon - arrow - 1)] += amount;
  }
  for (int side = 0; side < 2; ++side) {
    absl::StatusOr<std::vector<ModelRecord>> accounts =
        ReadAll(*engine_, side == 0 ? *checking_ : *savings_);
    if (!accounts.ok()) return accounts.status().ToString();
    if (accounts->size() != kAccounts) return "accounts are missing";
    for (const auto& [name, balance] : *accounts) {
      if (std::stoll(balance) != balances[side][name])
        return absl::StrCat(name, " holds ", balance, ", by the journal ", balances[side][name]);
    }
  }
  return "";
}

}  // namespace moraine
