// The live page as it is served: by what names, with which header fields, how large.
#include "http/page/page.hpp"

#include <hotslot/http/stats_routes.hpp>

#include "../stats/samples.hpp"
#include "catch.hpp"
#include "http/content/content.hpp"
#include "http/content/gzip.hpp"

#include <algorithm>
#include <string>

using namespace hotslot;
using namespace hotslot::http;

namespace {

const stats_routes routes({.pool = test::sample_pool});
const stats_routes mounted({.pool = test::sample_pool}, {.prefix = "/internal/hotslot"});

response ask(const stats_routes& of, std::string_view target, verb method = verb::get,
             field name = field::host, std::string_view value = "test") {
  request req(method, boost::beast::string_view(target.data(), target.size()), 11);
  req.set(name, boost::beast::string_view(value.data(), value.size()));
  return of.handle(req);
}

std::string text(boost::beast::string_view s) { return {s.data(), s.size()}; }

} // namespace

TEST_CASE("the page and its files are served, with their types") {
  const auto [path, type, begins] = GENERATE(
      table<std::string, std::string, std::string>({{"/", "text/html; charset=utf-8", "<!doctype html>"},
                                                    {"/?x=1", "text/html; charset=utf-8", "<!doctype html>"},
                                                    {"/page.css", "text/css; charset=utf-8", "/*"},
                                                    {"/page.js", "text/javascript; charset=utf-8", "//"}}));
  INFO(path);
  const response res = ask(routes, path);
  CHECK(res.result() == status::ok);
  CHECK(res[field::content_type] == type);
  CHECK(res[field::cache_control] == "no-cache");
  CHECK(res[field::content_length] == std::to_string(res.body().size()));
  CHECK(res.body().substr(0, begins.size()) == begins);
}

TEST_CASE("the page may load from its own server only, and run no inline script") {
  for (const auto& file : page_files()) {
    INFO(file.route);
    const response res = ask(routes, file.route);
    CHECK(
        res["Content-Security-Policy"] ==
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    CHECK(res["X-Content-Type-Options"] == "nosniff");
    CHECK(res["Referrer-Policy"] == "no-referrer");
    for (auto never : {"style=", " onclick=", "innerHTML", "outerHTML", "insertAdjacentHTML",
                       "document.write", "<style", "<script>", "eval("})
      CHECK(file.content.find(never) == file.content.npos);
  }
}

TEST_CASE("the page names nothing outside of it") {
  for (const auto& file : page_files()) {
    INFO(file.route);
    for (auto absolute : {"src=\"/", "href=\"/", "\"//", "@import", "url("})
      CHECK(file.content.find(absolute) == file.content.npos);
    for (auto at = file.content.find("://"); at != file.content.npos; at = file.content.find("://", at + 1))
      CHECK(file.content.substr(at, 14) == "://www.w3.org/"); // the name of SVG, which nobody fetches
  }
}

TEST_CASE("all of the page is below 100 KB") {
  std::size_t size = 0, packed = 0;
  for (const auto& file : page_files()) {
    size += file.content.size();
    packed += gzip(file.content).size();
  }
  UNSCOPED_INFO(size << " bytes, " << packed << " compressed");
  CHECK(size > 10'000);
  CHECK(size < 100'000);
  CHECK(packed < 30'000);
}

TEST_CASE("the page's files have the entity tags of their contents") {
  for (const auto& file : page_files()) {
    INFO(file.route);
    CHECK(file.etag == make_etag(file.content));
    const response res = ask(routes, file.route);
    CHECK(res[field::etag] == text({file.etag.data(), file.etag.size()}));
    const response again = ask(routes, file.route, verb::get, field::if_none_match, file.etag);
    CHECK(again.result() == status::not_modified);
    CHECK(again.body().empty());
    CHECK(again[field::etag] == res[field::etag]);
    CHECK(again[field::cache_control] == "no-cache");
    CHECK(again.count(field::content_type) == 0);
    CHECK(ask(routes, file.route, verb::get, field::if_none_match, "\"other\"").result() == status::ok);
  }
}

TEST_CASE("the page is compressed where that is asked for") {
  for (const auto& file : page_files()) {
    INFO(file.route);
    const response res = ask(routes, file.route, verb::get, field::accept_encoding, "gzip, br");
    CHECK(res[field::content_encoding] == "gzip");
    CHECK(res[field::vary] == "Accept-Encoding");
    CHECK(res.body() == gzip(file.content));
    CHECK(res[field::content_length] == std::to_string(res.body().size()));
    const response plain = ask(routes, file.route, verb::get, field::accept_encoding, "gzip;q=0");
    CHECK(plain.count(field::content_encoding) == 0);
    CHECK(plain[field::vary] == "Accept-Encoding");
    CHECK(plain.body() == file.content);
  }
}

TEST_CASE("HEAD of the page is GET without the body") {
  for (const auto& file : page_files())
    for (auto coding : {"identity", "gzip"}) {
      INFO(file.route << ' ' << coding);
      const response full = ask(routes, file.route, verb::get, field::accept_encoding, coding);
      const response head = ask(routes, file.route, verb::head, field::accept_encoding, coding);
      CHECK(head.body().empty());
      REQUIRE(std::distance(head.begin(), head.end()) == std::distance(full.begin(), full.end()));
      for (const auto& h : full)
        CHECK(text(head[h.name_string()]) == text(h.value()));
    }
}

TEST_CASE("the page takes no other method") {
  for (auto path : {"/", "/page.js"}) {
    const response res = ask(routes, path, verb::post);
    CHECK(res.result() == status::method_not_allowed);
    CHECK(res[field::allow] == "GET, HEAD");
  }
  CHECK(ask(mounted, "/internal/hotslot", verb::post).result() == status::method_not_allowed);
}

TEST_CASE("what is no file of the page is not found") {
  for (auto path : {"/index.html", "/page", "/page.js/", "//", "/page/page.js", "/embed.py", "/page.jsx"})
    CHECK(ask(routes, path).result() == status::not_found);
}

TEST_CASE("the page can be mounted, and is found without the slash") {
  CHECK(ask(mounted, "/internal/hotslot/").result() == status::ok);
  CHECK(ask(mounted, "/internal/hotslot/page.css").result() == status::ok);
  CHECK(ask(mounted, "/").result() == status::not_found);
  CHECK(ask(mounted, "/page.css").result() == status::not_found);
  for (auto method : {verb::get, verb::head}) {
    const response res = ask(mounted, "/internal/hotslot", method);
    CHECK(res.result() == status::permanent_redirect);
    CHECK(res[field::location] == "./hotslot/");
    CHECK(res[field::cache_control] == "no-store");
  }
  CHECK(ask(mounted, "/internal/hotslot?a=b")[field::location] == "./hotslot/?a=b");
  CHECK(mounted.owns("/internal/hotslot"));
  CHECK(mounted.owns("/internal/hotslot?a=b"));
  CHECK_FALSE(mounted.owns("/internal/hotslots"));
  CHECK_FALSE(mounted.owns("/internal"));
  CHECK_FALSE(routes.owns(""));
  CHECK(ask(routes, "").result() == status::not_found);
}
