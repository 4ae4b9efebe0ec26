// Kinds of cycles, each as a search: which edges may be in it, which one it must have.
//
// Snapshot isolation excludes every cycle in which no two missed writes (read-write edges) follow
// each other (A. Fekete et al., "Making snapshot isolation serializable", 2005). These are found in
// a graph of twice the nodes: a node remembers whether it was reached by a missed write, and from
// such a node no missed write leads on.
#include "tools/history/cycles.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

namespace moraine::history {
namespace {

// A start at many edges finds shorter cycles; this many are enough to read well.
constexpr size_t kMostStarts = 32;
// Edges to walk over in all searches of one kind.
constexpr uint64_t kMostSteps = 50'000'000;

struct Kind {
  EdgeMask allowed;
  EdgeMask required;  // one edge of these, at least
  EdgeMask rest;      // the others
};

constexpr EdgeMask kData = kWriteWrite | kWriteRead;
constexpr EdgeMask kMissed = kReadWrite | kReadWriteRange;

// Those that a stronger kind explains are found by that one, too, and counted once.
constexpr Kind kKinds[] = {
    {kWriteWrite, kWriteWrite, kWriteWrite},
    {kData, kWriteRead, kData},
    {kData | kAnyReadWrite, kAnyReadWrite, kData},
    {kData | kReadWrite, kReadWrite, kData | kReadWrite},
    {kData | kMissed, kReadWriteRange, kData | kMissed},
};

class Finder {
 public:
  explicit Finder(const Graph& graph) : graph_(graph) {}

  CycleSearch Run() {
    for (EdgeMask time : {EdgeMask{0}, kAnyTime}) {
      EdgeMask all = kData | kAnyReadWrite | time;
      if (!FindComponents(graph_, all).HasCycle()) continue;
      for (const Kind& kind : kKinds)
        Search({static_cast<EdgeMask>(kind.allowed | time), kind.required,
                static_cast<EdgeMask>(kind.rest | time)});
      SearchNonAdjacent(all);
    }
    return std::move(result_);
  }

 private:
  // The edges that a cycle of this kind can begin with, by component.
  static std::vector<std::vector<uint32_t>> StartsOf(const Graph& graph, const Kind& kind,
                                                     const Components& components) {
    std::vector<std::vector<uint32_t>> starts(components.sizes.size());
    for (uint32_t index = 0; index < graph.edge_count(); ++index) {
      const Edge& edge = graph.edge(index);
      uint32_t component = components.of_node[edge.from];
      bool inside = component == components.of_node[edge.to];
      if (inside && (edge.kind & kind.required) != 0) starts[component].push_back(index);
    }
    return starts;
  }

  void Search(const Kind& kind) {
    Components components = FindComponents(graph_, kind.allowed);
    if (!components.HasCycle()) return;
    // A path of `rest` leads to components with smaller numbers only.
    Components rest = kind.rest == kind.allowed ? components : FindComponents(graph_, kind.rest);
    bool sparse = kind.rest != kind.allowed;  // most starts lead nowhere
    steps_left_ = kMostSteps;
    for (std::vector<uint32_t>& starts : StartsOf(graph_, kind, components)) {
      std::vector<uint32_t> best;
      size_t stride = sparse ? 1 : std::max<size_t>(1, starts.size() / kMostStarts);
      size_t found = 0;
      for (size_t i = 0; i < starts.size() && found < kMostStarts; i += stride) {
        const Edge& edge = graph_.edge(starts[i]);
        if (rest.of_node[edge.to] < rest.of_node[edge.from]) continue;
        std::vector<uint32_t> cycle = Close(graph_, starts[i], kind.rest, components);
        if (cycle.empty()) continue;
        ++found;
        if (best.empty() || cycle.size() < best.size()) best = std::move(cycle);
      }
      if (!best.empty()) Keep(best);
    }
  }

  // A short way back from the end of edge `start` to its beginning, with that edge in front;
  // empty: there is none, or it would take too long.
  std::vector<uint32_t> Close(const Graph& graph, uint32_t start, EdgeMask rest,
                              const Components& components) {
    const Edge& first = graph.edge(start);
    uint32_t component = components.of_node[first.from];
    if (reached_.size() < graph.node_count()) reached_.resize(graph.node_count(), kNone);
    std::vector<uint32_t> touched = {first.to};
    reached_[first.to] = start;
    std::deque<uint32_t> next = {first.to};
    bool closed = false;
    while (!next.empty() && !closed) {
      uint32_t node = next.front();
      next.pop_front();
      auto [begin, end] = graph.Out(node);
      for (uint32_t index = begin; index < end && !closed; ++index) {
        const Edge& edge = graph.edge(index);
        if ((edge.kind & (rest | kPass)) == 0) continue;
        if (components.of_node[edge.to] != component || reached_[edge.to] != kNone) continue;
        if (steps_left_ == 0) {
          result_.complete = false;
          break;
        }
        --steps_left_;
        reached_[edge.to] = index;
        touched.push_back(edge.to);
        closed = edge.to == first.from;
        // Nodes of no transaction cost nothing.
        if (edge.kind == kPass) {
          next.push_front(edge.to);
        } else {
          next.push_back(edge.to);
        }
      }
    }
    std::vector<uint32_t> cycle;
    if (closed) {
      for (uint32_t node = first.from; cycle.empty() || node != first.from;) {
        cycle.push_back(reached_[node]);
        node = graph.edge(cycle.back()).from;
      }
      std::reverse(cycle.begin(), cycle.end());
    }
    for (uint32_t node : touched) reached_[node] = kNone;
    return cycle;
  }

  // Node n becomes 2n, and 2n + 1 where a missed write leads to it; an edge keeps its number as
  // `before`.
  Graph Doubled(EdgeMask mask, const Components& components) const {
    Graph doubled(0);
    for (uint32_t node = 0; node < 2 * graph_.node_count(); ++node) doubled.AddNode();
    for (uint32_t index = 0; index < graph_.edge_count(); ++index) {
      const Edge& edge = graph_.edge(index);
      if ((edge.kind & (mask | kPass)) == 0) continue;
      if (components.of_node[edge.from] != components.of_node[edge.to]) continue;
      auto add = [&](uint32_t from, uint32_t to) {
        doubled.AddEdge({2 * edge.from + from, 2 * edge.to + to, edge.kind, kNone, index});
      };
      if (edge.kind == kPass) {
        add(0, 0);
        add(1, 1);
      } else if ((edge.kind & kAnyReadWrite) != 0) {
        add(0, 1);
      } else {
        add(0, 0);
        add(1, 0);
      }
    }
    doubled.Finish();
    return doubled;
  }

  void SearchNonAdjacent(EdgeMask all) {
    Graph doubled = Doubled(all, FindComponents(graph_, all));
    Components components = FindComponents(doubled, all);
    if (!components.HasCycle()) return;
    steps_left_ = kMostSteps;
    Kind kind = {all, kAnyReadWrite, all};
    for (const std::vector<uint32_t>& starts : StartsOf(doubled, kind, components)) {
      std::vector<uint32_t> best;
      size_t stride = std::max<size_t>(1, starts.size() / kMostStarts);
      for (size_t i = 0; i < starts.size(); i += stride) {
        std::vector<uint32_t> cycle = Close(doubled, starts[i], all, components);
        if (cycle.empty()) continue;
        if (best.empty() || cycle.size() < best.size()) best = std::move(cycle);
      }
      if (best.empty()) continue;
      for (uint32_t& edge : best) edge = doubled.edge(edge).before;
      Keep(best);
    }
  }

  // Joins the edges through nodes of no transaction, names the cycle, and keeps it if it is new.
  void Keep(std::vector<uint32_t> edges) {
    auto first = std::find_if(edges.begin(), edges.end(), [this](uint32_t edge) {
      return graph_.IsTransaction(graph_.edge(edge).from);
    });
    std::rotate(edges.begin(), first, edges.end());
    Cycle cycle;
    for (uint32_t index : edges) {
      const Edge& edge = graph_.edge(index);
      if (graph_.IsTransaction(edge.from)) {
        cycle.dependencies.push_back(
            {edge.from, edge.to, edge.kind, edge.key, edge.before, edge.after});
      } else {
        cycle.dependencies.back().to = edge.to;
        if (edge.after != kNone) cycle.dependencies.back().after = edge.after;
      }
    }
    cycle.name = NameOf(cycle);
    std::set<uint32_t> members;
    for (const Dependency& dependency : cycle.dependencies) members.insert(dependency.from);
    if (known_.emplace(cycle.name, std::move(members)).second)
      result_.cycles.push_back(std::move(cycle));
  }

  static std::string NameOf(const Cycle& cycle) {
    size_t missed = 0;
    bool range = false;
    bool adjacent = false;
    EdgeMask kinds = 0;
    EdgeMask previous = cycle.dependencies.back().kind;
    for (const Dependency& dependency : cycle.dependencies) {
      kinds |= dependency.kind;
      bool misses = (dependency.kind & kAnyReadWrite) != 0;
      if (misses) ++missed;
      adjacent = adjacent || (misses && (previous & kAnyReadWrite) != 0);
      range = range || dependency.kind == kReadWriteRange;
      previous = dependency.kind;
    }
    std::string name = "G0";
    if (missed > 1) {
      name = !adjacent ? "G-nonadjacent" : range ? "G2" : "G2-item";
    } else if (missed == 1) {
      name = "G-single";
    } else if ((kinds & kWriteRead) != 0) {
      name = "G1c";
    }
    if ((kinds & kRealTime) != 0) return name + "-realtime";
    if ((kinds & kSession) != 0) return name + "-session";
    return name;
  }

  const Graph& graph_;
  std::vector<uint32_t> reached_;  // by node: the edge by which a search came to it
  uint64_t steps_left_ = 0;
  std::set<std::pair<std::string, std::set<uint32_t>>> known_;
  CycleSearch result_;
};

}  // namespace

CycleSearch FindCycles(const Graph& graph) { return Finder(graph).Run(); }

}  // namespace moraine::history
