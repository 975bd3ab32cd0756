// Answers with what it was sent.
#include "common/function_server.hpp"

int main() { return function_server::serve(function_server::echo); }
