// Who must come before whom: transactions as nodes, each reason for an order as an edge. Some nodes
// stand for no transaction: paths through them say the same as many edges would (time, and
// elements that nobody read).
#ifndef MORAINE_TOOLS_HISTORY_GRAPH_H_
#define MORAINE_TOOLS_HISTORY_GRAPH_H_

#include <cstdint>
#include <span>
#include <vector>

#include "tools/history/history.h"

namespace moraine::history {

// Kinds of edges, as bits.
using EdgeMask = uint8_t;
inline constexpr EdgeMask kWriteWrite = 1;          // appended right after the other's element
inline constexpr EdgeMask kWriteRead = 2;           // read the other's element as the last one
inline constexpr EdgeMask kReadWrite = 4;           // read a list without the other's element
inline constexpr EdgeMask kReadWriteRange = 8;      // the same, of a key that a scan did not find
inline constexpr EdgeMask kReadWriteSnapshot = 16;  // either, by who asked for snapshots only
inline constexpr EdgeMask kSession = 32;            // was before in the same session
inline constexpr EdgeMask kRealTime = 64;           // had ended when the other began
inline constexpr EdgeMask kPass = 128;              // goes on from a node of no transaction
inline constexpr EdgeMask kAnyReadWrite = kReadWrite | kReadWriteRange | kReadWriteSnapshot;
inline constexpr EdgeMask kAnyTime = kSession | kRealTime;

struct Edge {
  uint32_t from = 0;
  uint32_t to = 0;
  EdgeMask kind = 0;
  uint32_t key = kNone;
  // Appends by their number in VersionOrders; kNone: none.
  uint32_t before = kNone;
  uint32_t after = kNone;
};

class Graph {
 public:
  explicit Graph(uint32_t transactions) : transactions_(transactions), nodes_(transactions) {}

  uint32_t AddNode() { return nodes_++; }
  void AddEdge(const Edge& edge) { edges_.push_back(edge); }
  // Call when all edges are there, before what follows.
  void Finish();

  uint32_t node_count() const { return nodes_; }
  uint32_t edge_count() const { return static_cast<uint32_t>(edges_.size()); }
  bool IsTransaction(uint32_t node) const { return node < transactions_; }
  const Edge& edge(uint32_t index) const { return edges_[index]; }
  // Of those that begin at `node`: their indices are [first, second).
  std::pair<uint32_t, uint32_t> Out(uint32_t node) const {
    return {starts_[node], starts_[node + 1]};
  }

 private:
  uint32_t transactions_;
  uint32_t nodes_;
  std::vector<Edge> edges_;  // by `from`, once finished
  std::vector<uint32_t> starts_;
};

// Strongly connected components along edges of `mask` (R. Tarjan, 1972), without recursion, in
// linear time. An edge leads from a component to one with a smaller number, or stays inside.
struct Components {
  std::vector<uint32_t> of_node;
  std::vector<uint32_t> sizes;  // by component
  bool HasCycle() const;
};
Components FindComponents(const Graph& graph, EdgeMask mask);

}  // namespace moraine::history

#endif  // MORAINE_TOOLS_HISTORY_GRAPH_H_
