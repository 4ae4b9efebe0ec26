// Do sleep sets leave out only what another execution stands for? Random small programs are explored
// with and without; the sets of graphs (who reads from whom, and every
// word's modification order) must be equal.
#include <cstdio>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/checker/checked_policy.h"
#include "tests/support/checker/explore.h"
#include "tests/support/seeds.h"

namespace moraine::checker {
namespace {

struct Instruction {
  enum class Kind : uint8_t { kLoad, kStore, kAdd, kSwap, kFence } kind;
  size_t word;
  uint64_t value;
  std::memory_order order;
};
using Program = std::vector<std::vector<Instruction>>;

// Loads and stores often, fences of every kind now and then.
Instruction RandomInstruction(Random& random, size_t words, uint64_t value) {
  static constexpr Instruction::Kind kKinds[] = {
      Instruction::Kind::kLoad,  Instruction::Kind::kLoad,  Instruction::Kind::kLoad,
      Instruction::Kind::kStore, Instruction::Kind::kStore, Instruction::Kind::kStore,
      Instruction::Kind::kAdd,   Instruction::Kind::kSwap,  Instruction::Kind::kFence};
  Instruction instruction{kKinds[random.Below(std::size(kKinds))], random.Below(words), value,
                          std::memory_order_relaxed};
  bool ordered = random.OneIn(2);
  switch (instruction.kind) {
    case Instruction::Kind::kLoad:
      if (ordered) instruction.order = std::memory_order_acquire;
      break;
    case Instruction::Kind::kStore:
      if (ordered) instruction.order = std::memory_order_release;
      break;
    case Instruction::Kind::kFence:
      instruction.order = random.OneIn(4) ? std::memory_order_acq_rel : std::memory_order_seq_cst;
      break;
    default:
      if (ordered) instruction.order = std::memory_order_acq_rel;
  }
  return instruction;
}

Program RandomProgram(Random& random) {
  size_t threads = 2 + random.Below(2);
  size_t words = 1 + random.Below(2);
  size_t most = threads == 2 ? 4 : 2;
  Program program(threads);
  uint64_t value = 1;
  for (auto& instructions : program) {
    size_t count = 1 + random.Below(most);
    for (size_t i = 0; i < count; ++i) {
      instructions.push_back(RandomInstruction(random, words, value++));
    }
  }
  return program;
}

std::string ToString(const Program& program) {
  static constexpr const char* kNames[] = {"load", "store", "add", "swap", "fence"};
  static constexpr const char* kOrders[] = {"relaxed", "consume", "acquire",
                                            "release", "acq_rel", "seq_cst"};
  std::string text;
  for (const auto& instructions : program) {
    text += "\nthread:";
    for (const Instruction& instruction : instructions) {
      text += std::string(" ") + kNames[static_cast<size_t>(instruction.kind)] + " w" +
              std::to_string(instruction.word) + " " +
              kOrders[static_cast<size_t>(instruction.order)] + ";";
    }
  }
  return text;
}

using Word = CheckedPolicy::Atomic<uint64_t>;

void Interpret(const std::vector<Instruction>& instructions, Word* words) {
  uint64_t last = 0;
  for (const Instruction& instruction : instructions) {
    Word& word = words[instruction.word];
    switch (instruction.kind) {
      case Instruction::Kind::kLoad:
        last = word.load(instruction.order);
        break;
      case Instruction::Kind::kStore:
        word.store(instruction.value, instruction.order);
        break;
      case Instruction::Kind::kAdd:
        last = word.fetch_add(100, instruction.order);
        break;
      case Instruction::Kind::kSwap:
        word.compare_exchange_strong(last, instruction.value, instruction.order,
                                     std::memory_order_relaxed);
        break;
      case Instruction::Kind::kFence:
        CheckedPolicy::Fence(instruction.order);
        break;
    }
  }
}

Result ExploreProgram(const Program& program, bool sleep_sets) {
  Options options;
  options.collect_graphs = true;
  options.sleep_sets = sleep_sets;
  options.most_executions = 400'000;
  return Explore(options, [&](Execution& execution) {
    Word words[2];
    if (program.size() == 2) {
      execution.Run({[&] { Interpret(program[0], words); }, [&] { Interpret(program[1], words); }});
    } else {
      execution.Run({[&] { Interpret(program[0], words); }, [&] { Interpret(program[1], words); },
                     [&] { Interpret(program[2], words); }});
    }
  });
}

TEST(ReductionsTest, RandomProgramsHaveTheSameGraphsWithAndWithout) {
  Random random(TestSeed());
  uint64_t programs = TestFlag("programs", 600 / kSanitizerSlowdown);
  uint64_t reduced_executions = 0, redundant = 0, whole_executions = 0, graphs = 0;
  for (uint64_t i = 0; i < programs; ++i) {
    Program program = RandomProgram(random);
    Result whole = ExploreProgram(program, false);
    if (!whole.complete) continue;
    Result reduced = ExploreProgram(program, true);
    ASSERT_EQ(reduced.graphs.size(), whole.graphs.size()) << ToString(program);
    ASSERT_TRUE(reduced.graphs == whole.graphs) << ToString(program);
    reduced_executions += reduced.executions;
    redundant += reduced.redundant;
    whole_executions += whole.executions;
    graphs += whole.graphs.size();
  }
  std::printf(
      "%llu programs, %llu graphs: %llu executions (%llu redundant) with sleep sets, %llu "
      "without\n",
      static_cast<unsigned long long>(programs), static_cast<unsigned long long>(graphs),
      static_cast<unsigned long long>(reduced_executions),
      static_cast<unsigned long long>(redundant),
      static_cast<unsigned long long>(whole_executions));
  EXPECT_LT(reduced_executions, whole_executions);
}

}  // namespace
}  // namespace moraine::checker
