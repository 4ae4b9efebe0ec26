// Edges sorted by where they begin, and Tarjan's algorithm with a stack of its own.
#include "tools/history/graph.h"

#include <algorithm>
#include <utility>

namespace moraine::history {

void Graph::Finish() {
  starts_.assign(nodes_ + 2, 0);
  for (const Edge& edge : edges_) ++starts_[edge.from + 2];
  for (size_t i = 2; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  std::vector<Edge> sorted(edges_.size());
  // starts_[n + 1] runs from where n's edges begin to where they end.
  for (const Edge& edge : edges_) sorted[starts_[edge.from + 1]++] = edge;
  edges_ = std::move(sorted);
}

namespace {

class Tarjan {
 public:
  Tarjan(const Graph& graph, EdgeMask mask)
      : graph_(graph),
        mask_(mask | kPass),
        order_(graph.node_count(), kNone),
        low_(graph.node_count(), 0) {
    result_.of_node.assign(graph.node_count(), kNone);
  }

  Components Run() {
    for (uint32_t node = 0; node < graph_.node_count(); ++node) {
      if (order_[node] == kNone) Visit(node);
    }
    return std::move(result_);
  }

 private:
  struct Step {
    uint32_t node;
    uint32_t next_edge;
    uint32_t end_edge;
  };

  void Enter(uint32_t node) {
    order_[node] = low_[node] = count_++;
    open_.push_back(node);
    auto [begin, end] = graph_.Out(node);
    path_.push_back({node, begin, end});
  }

  void Visit(uint32_t root) {
    Enter(root);
    while (!path_.empty()) {
      Step& step = path_.back();
      if (step.next_edge == step.end_edge) {
        Leave(step.node);
        continue;
      }
      const Edge& edge = graph_.edge(step.next_edge++);
      if ((edge.kind & mask_) == 0) continue;
      if (order_[edge.to] == kNone) {
        Enter(edge.to);
      } else if (result_.of_node[edge.to] == kNone) {
        low_[step.node] = std::min(low_[step.node], order_[edge.to]);
      }
    }
  }

  void Leave(uint32_t node) {
    path_.pop_back();
    if (!path_.empty()) {
      uint32_t& below = low_[path_.back().node];
      below = std::min(below, low_[node]);
    }
    if (low_[node] != order_[node]) return;
    auto component = static_cast<uint32_t>(result_.sizes.size());
    result_.sizes.push_back(0);
    for (uint32_t member = kNone; member != node;) {
      member = open_.back();
      open_.pop_back();
      result_.of_node[member] = component;
      ++result_.sizes[component];
    }
  }

  const Graph& graph_;
  const EdgeMask mask_;
  std::vector<uint32_t> order_;
  std::vector<uint32_t> low_;
  std::vector<uint32_t> open_;
  std::vector<Step> path_;
  uint32_t count_ = 0;
  Components result_;
};

}  // namespace

bool Components::HasCycle() const {
  return std::any_of(sizes.begin(), sizes.end(), [](uint32_t size) { return size > 1; });
}

Components FindComponents(const Graph& graph, EdgeMask mask) { return Tarjan(graph, mask).Run(); }

}  // namespace moraine::history
