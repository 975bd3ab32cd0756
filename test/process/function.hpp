// What the modes of the test function have in common.
#pragma once

#include <string>

namespace test_function {

/// Where hotslotd looks for it.
int listen_behind_symlink();

/// The head and as much of the body as its Content-Length says; empty at the connection's end.
std::string read_request(int fd);
void send(int fd, const std::string& text);
std::string reply(const std::string& body);
bool send_back(int fd, const std::string& request);

// Modes, in function_streams.cpp: with bodies while they come, or not at all.
[[noreturn]] void send_back_always();
[[noreturn]] void count_bytes();
[[noreturn]] void answer_early();
[[noreturn]] void refuse_long_heads();

} // namespace test_function
