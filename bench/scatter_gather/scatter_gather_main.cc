// The program bench/scatter_gather.
#include <iostream>
#include <string>
#include <vector>

#include "bench/scatter_gather/methods.h"
#include "bench/scatter_gather/scatter_gather.h"

int main(int argument_count, char** arguments) {
  namespace bench = moraine::bench;
  return bench::RunScatterGather({arguments + 1, arguments + argument_count},
                                 bench::AllReadMethods(), std::cout, std::cerr);
}
