// The smallest FDK: serves the function contract with blocking calls, one request after another.
#ifndef HOTSLOT_EXAMPLES_FUNCTION_SERVER_HPP
#define HOTSLOT_EXAMPLES_FUNCTION_SERVER_HPP

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <functional>

namespace function_server {

using request = boost::beast::http::request<boost::beast::http::string_body>;
using response = boost::beast::http::response<boost::beast::http::string_body>;
using handler = std::function<response(const request&)>;

/// Answers with the request's body and content type, and with the process id as the header X-Pid.
response echo(const request& r);

/// Listens where FN_LISTENER says and serves until it is killed. Returns the exit code of main().
int serve(const handler& handle);

} // namespace function_server

#endif
