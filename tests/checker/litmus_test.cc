// The checker checked: small programs whose outcomes under C++20 are known, each with its exact set.
// One outcome too few and bugs stay hidden; one too many and correct code is refused. Names are
// those of the literature (L. Maranget, S. Sarkar, P. Sewell, "A tutorial introduction to the ARM
// and POWER relaxed memory models", 2012). Load buffering alone differs from the standard, which
// allows it: weak_memory.h says why.
#include "tests/checker/litmus.h"

#include "gtest/gtest.h"

namespace moraine::checker {
namespace {

// SB: two threads store, each then loads the other's word.
Outcomes StoreBuffering(void (*fence)(), void (*other_fence)()) {
  return OutcomesOf([&](Execution& execution) {
    Word x, y;
    int a = 0, b = 0;
    execution.Run({[&] {
                     x.store(1, std::memory_order_relaxed);
                     fence();
                     a = y.load(std::memory_order_relaxed);
                   },
                   [&] {
                     y.store(1, std::memory_order_relaxed);
                     other_fence();
                     b = x.load(std::memory_order_relaxed);
                   }});
    execution.Observe(Row(a, b));
  });
}

TEST(LitmusTest, StoreBuffering) {
  auto none = [] {};
  EXPECT_EQ(StoreBuffering(none, none), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(StoreBuffering(none, FullFence), (Outcomes{"00", "01", "10", "11"}));
}

TEST(LitmusTest, StoreBufferingWithFullFences) {
  EXPECT_EQ(StoreBuffering(FullFence, FullFence), (Outcomes{"01", "10", "11"}));
}

TEST(LitmusTest, StoreBufferingWithAcquireReleaseFencesIsStillWeak) {
  auto fence = [] { CheckedPolicy::Fence(std::memory_order_acq_rel); };
  EXPECT_EQ(StoreBuffering(fence, fence), (Outcomes{"00", "01", "10", "11"}));
}

TEST(LitmusTest, StoreBufferingWithAnAsymmetricFence) {
  auto light = [] { CheckedPolicy::LightFence(); };
  auto heavy = [] { CheckedPolicy::HeavyFence(); };
  EXPECT_EQ(StoreBuffering(light, heavy), (Outcomes{"01", "10", "11"}));
  EXPECT_EQ(StoreBuffering(heavy, heavy), (Outcomes{"01", "10", "11"}));
  EXPECT_EQ(StoreBuffering(FullFence, heavy), (Outcomes{"01", "10", "11"}));
  EXPECT_EQ(StoreBuffering(light, light), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(StoreBuffering(light, FullFence), (Outcomes{"00", "01", "10", "11"}));
}

// SB by read-modify-writes, which see the newest value but order nothing else.
TEST(LitmusTest, StoreBufferingByExchanges) {
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word x, y;
              int a = 0, b = 0;
              execution.Run({[&] {
                               x.exchange(1, std::memory_order_acq_rel);
                               a = y.load(std::memory_order_acquire);
                             },
                             [&] {
                               y.exchange(1, std::memory_order_acq_rel);
                               b = x.load(std::memory_order_acquire);
                             }});
              execution.Observe(Row(a, b));
            }),
            (Outcomes{"00", "01", "10", "11"}));
}

// MP: data, then a flag.
Outcomes MessagePassing(std::memory_order store_order, std::memory_order load_order) {
  return OutcomesOf([&](Execution& execution) {
    Word data, flag;
    int a = 0, b = 0;
    execution.Run({[&] {
                     data.store(1, std::memory_order_relaxed);
                     flag.store(1, store_order);
                   },
                   [&] {
                     a = flag.load(load_order);
                     b = data.load(std::memory_order_relaxed);
                   }});
    execution.Observe(Row(a, b));
  });
}

TEST(LitmusTest, MessagePassingRelaxed) {
  EXPECT_EQ(MessagePassing(std::memory_order_relaxed, std::memory_order_relaxed),
            (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(MessagePassing(std::memory_order_release, std::memory_order_relaxed),
            (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(MessagePassing(std::memory_order_relaxed, std::memory_order_acquire),
            (Outcomes{"00", "01", "10", "11"}));
}

TEST(LitmusTest, MessagePassingReleaseAcquire) {
  EXPECT_EQ(MessagePassing(std::memory_order_release, std::memory_order_acquire),
            (Outcomes{"00", "01", "11"}));
}

TEST(LitmusTest, MessagePassingByFences) {
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word data, flag;
              int a = 0, b = 0;
              execution.Run({[&] {
                               data.store(1, std::memory_order_relaxed);
                               CheckedPolicy::Fence(std::memory_order_release);
                               flag.store(1, std::memory_order_relaxed);
                             },
                             [&] {
                               a = flag.load(std::memory_order_relaxed);
                               CheckedPolicy::Fence(std::memory_order_acquire);
                               b = data.load(std::memory_order_relaxed);
                             }});
              execution.Observe(Row(a, b));
            }),
            (Outcomes{"00", "01", "11"}));
}

TEST(LitmusTest, LoadBufferingIsNotExplored) {
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word x, y;
              int a = 0, b = 0;
              execution.Run({[&] {
                               a = x.load(std::memory_order_relaxed);
                               y.store(1, std::memory_order_relaxed);
                             },
                             [&] {
                               b = y.load(std::memory_order_relaxed);
                               x.store(1, std::memory_order_relaxed);
                             }});
              execution.Observe(Row(a, b));
            }),
            (Outcomes{"00", "01", "10"}));
}

TEST(LitmusTest, ReadsOfOneWordDoNotGoBack) {  // CoRR
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word x;
              int a = 0, b = 0;
              execution.Run({[&] {
                               x.store(1, std::memory_order_relaxed);
                               x.store(2, std::memory_order_relaxed);
                             },
                             [&] {
                               a = x.load(std::memory_order_relaxed);
                               b = x.load(std::memory_order_relaxed);
                             }});
              execution.Observe(Row(a, b));
            }),
            (Outcomes{"00", "01", "02", "11", "12", "22"}));
}

TEST(LitmusTest, TwoReadersAgreeOnTheOrderOfOneWord) {  // CoRR2
  Outcomes outcomes = OutcomesOf([](Execution& execution) {
    Word x;
    int a = 0, b = 0, c = 0, d = 0;
    execution.Run({[&] { x.store(1, std::memory_order_relaxed); },
                   [&] { x.store(2, std::memory_order_relaxed); },
                   [&] {
                     a = x.load(std::memory_order_relaxed);
                     b = x.load(std::memory_order_relaxed);
                   },
                   [&] {
                     c = x.load(std::memory_order_relaxed);
                     d = x.load(std::memory_order_relaxed);
                   }});
    execution.Observe(Row(a, b, c, d));
  });
  EXPECT_EQ(outcomes.count("1221"), 0u);
  EXPECT_EQ(outcomes.count("2112"), 0u);
  EXPECT_EQ(outcomes.count("1212"), 1u);
  EXPECT_EQ(outcomes.count("1020"), 0u);
  // Each reader has 00 01 02 11 12 21 22; of the 49 pairs those two are excluded.
  EXPECT_EQ(outcomes.size(), 47u);
}

TEST(LitmusTest, AReadDoesNotSeeBehindOwnWrites) {  // CoWR
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word x;
              int a = 0;
              execution.Run({[&] {
                               x.store(1, std::memory_order_relaxed);
                               a = x.load(std::memory_order_relaxed);
                             },
                             [&] { x.store(2, std::memory_order_relaxed); }});
              execution.Observe(Row(a));
            }),
            (Outcomes{"1", "2"}));
}

TEST(LitmusTest, AWriteGoesBehindWhatWasRead) {  // CoRW
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word x;
              int a = 0;
              execution.Run({[&] {
                               a = x.load(std::memory_order_relaxed);
                               x.store(1, std::memory_order_relaxed);
                             },
                             [&] { x.store(2, std::memory_order_relaxed); }});
              execution.Observe(Row(a, x.load(std::memory_order_relaxed)));
            }),
            (Outcomes{"01", "02", "21"}));
}

// 2+2W: two threads store to two words in opposite order; the last values of both.
Outcomes TwoTwoWrites(std::memory_order store_order) {
  return OutcomesOf([&](Execution& execution) {
    Word x, y;
    execution.Run({[&] {
                     x.store(1, store_order);
                     y.store(2, store_order);
                   },
                   [&] {
                     y.store(1, store_order);
                     x.store(2, store_order);
                   }});
    execution.Observe(Row(x.load(std::memory_order_relaxed), y.load(std::memory_order_relaxed)));
  });
}

TEST(LitmusTest, TwoTwoWrites) {
  EXPECT_EQ(TwoTwoWrites(std::memory_order_relaxed), (Outcomes{"11", "12", "21", "22"}));
  EXPECT_EQ(TwoTwoWrites(std::memory_order_release), (Outcomes{"11", "12", "21", "22"}));
}

TEST(LitmusTest, TwoTwoWritesWithFullFences) {
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word x, y;
              execution.Run({[&] {
                               x.store(1, std::memory_order_relaxed);
                               FullFence();
                               y.store(2, std::memory_order_relaxed);
                             },
                             [&] {
                               y.store(1, std::memory_order_relaxed);
                               FullFence();
                               x.store(2, std::memory_order_relaxed);
                             }});
              execution.Observe(
                  Row(x.load(std::memory_order_relaxed), y.load(std::memory_order_relaxed)));
            }),
            (Outcomes{"12", "21", "22"}));
}

// IRIW: two writers, two readers that read in opposite order.
Outcomes IndependentReads(void (*between)()) {
  return OutcomesOf([&](Execution& execution) {
    Word x, y;
    int a = 0, b = 0, c = 0, d = 0;
    execution.Run({[&] { x.store(1, std::memory_order_release); },
                   [&] { y.store(1, std::memory_order_release); },
                   [&] {
                     a = x.load(std::memory_order_acquire);
                     between();
                     b = y.load(std::memory_order_acquire);
                   },
                   [&] {
                     c = y.load(std::memory_order_acquire);
                     between();
                     d = x.load(std::memory_order_acquire);
                   }});
    execution.Observe(Row(a, b, c, d));
  });
}

TEST(LitmusTest, IndependentReadsOfIndependentWrites) {
  EXPECT_EQ(IndependentReads([] {}).size(), 16u) << "release and acquire allow all of them";
  Outcomes fenced = IndependentReads(FullFence);
  EXPECT_EQ(fenced.size(), 15u);
  EXPECT_EQ(fenced.count("1010"), 0u);
}

// WRC: what was read is handed on.
Outcomes WriteToReadCausality(std::memory_order release_order, std::memory_order acquire_order) {
  return OutcomesOf([&](Execution& execution) {
    Word x, y;
    int a = 0, b = 0, c = 0;
    execution.Run({[&] { x.store(1, release_order); },
                   [&] {
                     a = x.load(acquire_order);
                     y.store(1, release_order);
                   },
                   [&] {
                     b = y.load(acquire_order);
                     c = x.load(std::memory_order_relaxed);
                   }});
    execution.Observe(Row(a, b, c));
  });
}

TEST(LitmusTest, WriteToReadCausality) {
  EXPECT_EQ(WriteToReadCausality(std::memory_order_release, std::memory_order_acquire),
            (Outcomes{"000", "001", "010", "011", "100", "101", "111"}));
  EXPECT_EQ(WriteToReadCausality(std::memory_order_relaxed, std::memory_order_relaxed).size(), 8u);
}

TEST(LitmusTest, TransitiveHandOver) {  // ISA2
  Outcomes outcomes = OutcomesOf([](Execution& execution) {
    Word x, y, z;
    int a = 0, b = 0, c = 0;
    execution.Run({[&] {
                     x.store(1, std::memory_order_relaxed);
                     y.store(1, std::memory_order_release);
                   },
                   [&] {
                     a = y.load(std::memory_order_acquire);
                     z.store(1, std::memory_order_release);
                   },
                   [&] {
                     b = z.load(std::memory_order_acquire);
                     c = x.load(std::memory_order_relaxed);
                   }});
    execution.Observe(Row(a, b, c));
  });
  EXPECT_EQ(outcomes, (Outcomes{"000", "001", "010", "011", "100", "101", "111"}));
}

// R and S mix a store race with a load.
Outcomes R(void (*fence)()) {
  return OutcomesOf([&](Execution& execution) {
    Word x, y;
    int a = 0;
    execution.Run({[&] {
                     x.store(1, std::memory_order_relaxed);
                     fence();
                     y.store(1, std::memory_order_relaxed);
                   },
                   [&] {
                     y.store(2, std::memory_order_relaxed);
                     fence();
                     a = x.load(std::memory_order_relaxed);
                   }});
    execution.Observe(Row(y.load(std::memory_order_relaxed), a));
  });
}

TEST(LitmusTest, RNeedsFullFences) {
  EXPECT_EQ(R([] {}), (Outcomes{"10", "11", "20", "21"}));
  EXPECT_EQ(R(FullFence), (Outcomes{"10", "11", "21"}));
}

TEST(LitmusTest, S) {
  auto outcomes = [](std::memory_order store_order, std::memory_order load_order) {
    return OutcomesOf([&](Execution& execution) {
      Word x, y;
      int a = 0;
      execution.Run({[&] {
                       x.store(2, std::memory_order_relaxed);
                       y.store(1, store_order);
                     },
                     [&] {
                       a = y.load(load_order);
                       x.store(1, std::memory_order_relaxed);
                     }});
      execution.Observe(Row(a, x.load(std::memory_order_relaxed)));
    });
  };
  EXPECT_EQ(outcomes(std::memory_order_release, std::memory_order_acquire),
            (Outcomes{"01", "02", "11"}));
  EXPECT_EQ(outcomes(std::memory_order_relaxed, std::memory_order_relaxed),
            (Outcomes{"01", "02", "11", "12"}));
}

// Z6.3: a store order in the middle of the chain breaks the hand-over.
TEST(LitmusTest, Z6) {
  auto outcomes = [](void (*fence)()) {
    return OutcomesOf([&](Execution& execution) {
      Word x, y, z;
      int a = 0, b = 0;
      execution.Run({[&] {
                       x.store(1, std::memory_order_relaxed);
                       fence();
                       y.store(1, std::memory_order_release);
                     },
                     [&] {
                       y.store(2, std::memory_order_relaxed);
                       fence();
                       z.store(1, std::memory_order_release);
                     },
                     [&] {
                       a = z.load(std::memory_order_acquire);
                       fence();
                       b = x.load(std::memory_order_relaxed);
                     }});
      execution.Observe(Row(y.load(std::memory_order_relaxed), a, b));
    });
  };
  EXPECT_EQ(outcomes([] {}).count("210"), 1u);
  EXPECT_EQ(outcomes([] {}).size(), 8u);
  EXPECT_EQ(outcomes(FullFence).count("210"), 0u);
  EXPECT_EQ(outcomes(FullFence).size(), 7u);
}

// Three threads around a ring of words.
TEST(LitmusTest, ThreeThreadStoreBuffering) {
  auto outcomes = [](void (*fence)()) {
    return OutcomesOf([&](Execution& execution) {
      Word x, y, z;
      int a = 0, b = 0, c = 0;
      execution.Run({[&] {
                       x.store(1, std::memory_order_relaxed);
                       fence();
                       a = y.load(std::memory_order_relaxed);
                     },
                     [&] {
                       y.store(1, std::memory_order_relaxed);
                       fence();
                       b = z.load(std::memory_order_relaxed);
                     },
                     [&] {
                       z.store(1, std::memory_order_relaxed);
                       fence();
                       c = x.load(std::memory_order_relaxed);
                     }});
      execution.Observe(Row(a, b, c));
    });
  };
  EXPECT_EQ(outcomes([] {}).size(), 8u);
  Outcomes fenced = outcomes(FullFence);
  EXPECT_EQ(fenced.size(), 7u);
  EXPECT_EQ(fenced.count("000"), 0u);
}

// A full fence on one side of message passing does the acquire's or the release's work.
TEST(LitmusTest, FullFencesAlsoAcquireAndRelease) {
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word data, flag;
              int a = 0, b = 0;
              execution.Run({[&] {
                               data.store(1, std::memory_order_relaxed);
                               FullFence();
                               flag.store(1, std::memory_order_relaxed);
                             },
                             [&] {
                               a = flag.load(std::memory_order_acquire);
                               b = data.load(std::memory_order_relaxed);
                             }});
              execution.Observe(Row(a, b));
            }),
            (Outcomes{"00", "01", "11"}));
}

// A light fence alone orders nothing for its own thread.
TEST(LitmusTest, LightFencesDoNotRelease) {
  EXPECT_EQ(OutcomesOf([](Execution& execution) {
              Word data, flag;
              int a = 0, b = 0;
              execution.Run({[&] {
                               data.store(1, std::memory_order_relaxed);
                               CheckedPolicy::LightFence();
                               flag.store(1, std::memory_order_relaxed);
                             },
                             [&] {
                               a = flag.load(std::memory_order_acquire);
                               b = data.load(std::memory_order_relaxed);
                             }});
              execution.Observe(Row(a, b));
            }),
            (Outcomes{"00", "01", "10", "11"}));
}

}  // namespace
}  // namespace moraine::checker
