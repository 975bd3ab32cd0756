"""embed.py OUTPUT FILE...: writes the files of the page as a C++ source, each with its entity tag."""

import hashlib
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


def bytes_of(content):
    numbers = [str(b) for b in content]
    return ",\n  ".join(",".join(numbers[at:at + 32]) for at in range(0, len(numbers), 32))


def entry(number, path):
    name = os.path.basename(path)
    route = "/" if name == "index.html" else "/" + name
    with open(path, "rb") as f:
        content = f.read()
    # As make_etag makes them, which a test checks.
    tag = hashlib.sha256(content).hexdigest()[:32]
    data = f"constexpr unsigned char content_{number}[] = {{\n  {bytes_of(content)}}};\n"
    row = f'  {{"{route}", "{TYPES[os.path.splitext(name)[1]]}", "W/\\"{tag}\\"", text(content_{number})}},\n'
    return data, row


def main(output, paths):
    entries = [entry(number, path) for number, path in enumerate(paths)]
    with open(output, "w", encoding="utf-8") as f:
        f.write('#include "http/page/page.hpp"\n\n#include <iterator>\n\nnamespace hotslot::http {\nnamespace {\n\n')
        f.writelines(data for data, _ in entries)
        f.write("\ntemplate <std::size_t Size>\nstd::string_view text(const unsigned char (&content)[Size]) {\n"
                "  return {reinterpret_cast<const char*>(content), Size};\n}\n\nconst page_file files[] = {\n")
        f.writelines(row for _, row in entries)
        f.write("};\n\n} // namespace\n\nstd::span<const page_file> page_files() noexcept { return files; }\n\n"
                "} // namespace hotslot::http\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
