#include "http/content/gzip.hpp"

#include "gunzip.hpp"

#include <string>

namespace http_content_gzip {

using hotslot::http::gzip;
using hotslot::http::gzip_piece;
using hotslot::http::gzip_stream;
using hotslot::test::gunzip;

std::string long_text() {
  std::string text;
  for (int i = 0; i < 100'000; ++i)
    text.append(std::to_string(i * 7919 % 10'007)).push_back(',');
  return text;
}

TEST_CASE("a text is compressed") {
  for (const std::string& text : {std::string(), std::string("x"), long_text()}) {
    gunzip reader;
    CHECK(reader.add(gzip(text)) == text);
    CHECK(reader.ended());
  }
}

TEST_CASE("a piece of a stream can be read when it has come, whatever came before") {
  const gzip_piece empty(""), small("event: x\n\n"), large(long_text());
  CHECK(large.bytes.size() < long_text().size() / 2);
  for (const auto& pieces : {std::vector{&small, &large, &small}, std::vector{&large, &empty, &large}, {}}) {
    gunzip reader;
    gzip_stream stream;
    CHECK(reader.add(gzip_stream::head()).empty());
    for (const auto* piece : pieces) {
      CHECK(reader.add(piece->bytes) == (piece == &small   ? "event: x\n\n"
                                         : piece == &large ? long_text()
                                                           : ""));
      CHECK_FALSE(reader.ended());
      stream.add(*piece);
    }
    CHECK(reader.add(stream.tail()).empty());
    CHECK(reader.ended());
  }
}

} // namespace http_content_gzip
