"""Shows that every tidy check can fail: small trees with one fault each, and a clean one."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import arrows  # noqa: E402
import clang  # noqa: E402
import format as form  # noqa: E402
import look  # noqa: E402
import planted  # noqa: E402
import sizes  # noqa: E402
import words  # noqa: E402
from tree import Tree, blank  # noqa: E402


class TreeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def problems(self, check, **files):
        """The problems that `check` finds in a tree of `files`; in the names __ is / and the last _ is a dot."""
        for name, content in files.items():
            folder, _, suffix = name.replace("__", "/").rpartition("_")
            self.write(f"{folder}.{suffix}", content)
        return list(check.check(Tree(self.root)))

    def assert_one(self, problems, text):
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(text, problems[0])


class Files(TreeTest):
    def test_build_output_is_not_looked_at(self):
        self.write("base/a.h", "")
        self.write("build/dev/b.h", "")
        self.assertEqual(["base/a.h"], Tree(self.root).names)


class Arrows(TreeTest):
    def test_clean(self):
        self.assertEqual([], self.problems(
            arrows, base__a_h="", wal__b_cc='#include "base/a.h"\n#include <vector>\n',
            broker__c_cc='#include "metadata/image.h"\n// #include "cmd/x.h" and throw are only words here\n'))

    def test_upwards(self):
        self.assert_one(self.problems(arrows, wal__b_cc='// x\n#include "raft/group.h"\n'),
                        "wal/b.cc:2: wal may not include raft: layers point one way")

    def test_core_includes_the_rest_of_raft(self):
        self.assert_one(self.problems(arrows, raft__core__b_h='#include "raft/group.h"\n'),
                        "raft/core may not include raft")

    def test_clock_in_the_core(self):
        self.assert_one(self.problems(arrows, raft__core__b_h="#include <chrono>\n"), "pure function")

    def test_thread_outside_the_wrappers(self):
        self.assert_one(self.problems(arrows, broker__b_cc="#include <mutex>\n"), "outside the wrappers")

    def test_heavy_header(self):
        for header in ("grpcpp/grpcpp.h", "rocksdb/db.h", "spdlog/spdlog.h", "boost/asio.hpp", "nlohmann/json.hpp"):
            self.assert_one(self.problems(arrows, broker__b_cc=f"#include <{header}>\n"), "is confined to")

    def test_rapidcheck_twice_in_a_folder(self):
        text = "#include <rapidcheck.h>\n"
        self.assert_one(self.problems(arrows, tests__unit__a_cc=text, tests__unit__b_cc=text), "one file a folder")

    def test_refused_code(self):
        for code in ("void F() { throw 1; }", "co_return 1;", "std::uniform_int_distribution<int> d;",
                     "auto now = std::chrono::steady_clock::now();"):
            self.assertEqual(1, len(self.problems(arrows, raft__b_cc=code)), code)


class Sizes(TreeTest):
    def test_clean(self):
        body = "  a();\n" * (sizes.FUNCTION_LINES_MAX - 2)
        self.assertEqual([], self.problems(sizes, a_cc=f"void F(int a, int b, int c, int d, int e) {{\n{body}}}\n"))

    def test_long_file(self):
        self.assert_one(self.problems(sizes, a_cc="// x\n" * (sizes.FILE_LINES_MAX + 1)), "split it by role")

    def test_long_function(self):
        body = "  if (a) {\n    b([] { return 1; });\n  }\n" * 25
        self.assert_one(self.problems(sizes, a_cc=f"namespace k {{\nint X::F(int a) const {{\n{body}}}\n}}\n"),
                        "a.cc:2: a function of 77 lines")

    def test_long_member_function(self):
        body = "    b();\n" * 80
        self.assert_one(self.problems(sizes, a_h=f"class X {{\n public:\n  void F() {{\n{body}  }}\n}};\n"),
                        "a.h:3: a function of 82 lines")

    def test_a_table_is_no_long_function(self):
        rows = "".join(f"    case {i}:\n      return {i};\n" for i in range(60))
        self.assertEqual([], self.problems(sizes, a_cc=f"int F(int a) {{\n  switch (a) {{\n{rows}  }}\n}}\n"))

    def test_many_parameters(self):
        self.assert_one(self.problems(sizes, a_cc="void F(int a, std::map<int, int> b, int c, int d, int e, int f) {}\n"),
                        "6 parameters")

    def test_template_arguments_are_no_parameters(self):
        self.assertEqual([], self.problems(sizes, a_cc="void F(std::tuple<int, int, int, int, int, int> a) {}\n"))


class Format(TreeTest):
    def setUp(self):
        super().setUp()
        if form.skip(None):
            self.skipTest(form.skip(None))
        self.write(".clang-format", "BasedOnStyle: Google\nColumnLimit: 100\nReflowComments: false\n")

    def test_clean(self):
        self.assertEqual([], self.problems(form, a_cc="int F(int a) { return a; }\n"))

    def test_not_formatted(self):
        self.assert_one(self.problems(form, a_cc="int F( int a ) { return a; }\n"), "clang-format")

    def test_long_comment(self):
        self.assert_one(self.problems(form, a_cc="// " + "ab " * 40 + "c\n"), "columns")


class Clang(TreeTest):
    def compiled(self, text):
        """The problems of broker/a.cc with this text, compiled as build/dev would."""
        source = self.root / "broker" / "a.cc"
        self.write("build/dev/compile_commands.json", json.dumps([
            {"directory": str(self.root / "build/dev"), "file": str(source),
             "command": f"/usr/bin/cmake -E env A=b /usr/bin/g++ -std=c++23 -Wall -DNAME='\"$x\"' -o a.o -c {source}"}]))
        if clang.skip(Tree(self.root)):
            self.skipTest(clang.skip(Tree(self.root)))
        return self.problems(clang, broker__a_cc=text)

    def test_without_a_build_it_skips(self):
        self.assertIn("not", clang.skip(Tree(self.root)))

    def test_clean_and_changed(self):
        self.assertEqual([], self.compiled("// Purpose.\nconst char* a = NAME;\n"))
        self.assert_one(self.compiled("// Purpose.\nint F() { return 1 }\n"),
                        "broker/a.cc:2: expected ';'")

    def test_what_only_clang_says(self):
        self.assert_one(self.compiled("// Purpose.\nclass B {\n  int unused_ = 0;\n};\n"), "broker/a.cc:3: private field")


class Words(TreeTest):
    def test_leftovers(self):
        self.assert_one(self.problems(words, a_cc="// TO" "DO: later\n"), "unfinished")

    def test_machine_path(self):
        self.assert_one(self.problems(words, a_sh="cd /ro" "ot/kronika\n"), "a path of one machine")
        self.assertEqual([], self.problems(words, a_sh='cd "$root/work/x"; ls build/work/y\n'))

    def test_package_host(self):
        self.assert_one(self.problems(words, a_json='"https://registry.example.org/a.tgz"\n'), "a package host")

    def test_kafka_sessions_are_fine(self):
        self.assertEqual([], self.problems(words, a_cc="// The fetch session of a consumer; session timeout.\n"))
        self.assertEqual(1, len(self.problems(words, a_cc="// As the previous ses" "sion left it.\n")))

    def test_refused_synonym(self):
        glossary = "| term | meaning | not |\n|---|---|---|\n| **leader** | who orders | master, big boss |\n"
        found = self.problems(words, docs__glossary_md=glossary, a_cc="// Big Boss and masters.\n")
        self.assertEqual(2, len(found), found)
        self.assertIn("the word here is 'leader'", found[0])


class Look(TreeTest):
    def test_no_comment(self):
        self.assert_one(self.problems(look, a_h="#pragma once\n"), "does not start with a comment")

    def test_source_beside_its_header(self):
        self.assertEqual([], self.problems(look, a_h="// Purpose.\n", a_cc='#include "a.h"\n'))

    def test_script(self):
        self.assertEqual([], self.problems(look, a_sh="#!/usr/bin/env bash\n# Purpose.\n"))


class Planted(TreeTest):
    def test_without_a_release_it_skips(self):
        self.assertIn("not built", planted.skip(Tree(self.root)))

    def test_name_in_the_release(self):
        self.write("build/release/kronika", b"\0planted:ack-before-sync\0")
        found = self.problems(planted, raft__a_cc='if (KRONIKA_PLANTED("ack-before-sync")) {}\n')
        self.assertEqual(2, len(found), found)

    def test_clean_release(self):
        self.write("build/release/kronika", b"\x7fELF")
        self.assertEqual([], self.problems(planted, raft__a_cc='if (KRONIKA_PLANTED("ack-before-sync")) {}\n'))


class Blank(unittest.TestCase):
    def test_strings_and_comments_go_lines_stay(self):
        code = 'a("{\\"", \'{\', 1\'000, R"x({)x"); // {\n/* {\n */ b\n'
        self.assertEqual(code.count("\n"), blank(code).count("\n"))
        self.assertNotIn("{", blank(code))
        self.assertIn("1'000", blank(code))


if __name__ == "__main__":
    unittest.main()
