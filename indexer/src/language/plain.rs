//! Languages that are known by name only; their files are cut by lines.

use fathom_indexes::ChunkKind::{self, Code, Data, Section};

use super::{Language, PLAIN};

const fn plain(
    name: &'static str,
    loose: ChunkKind,
    extensions: &'static [&'static str],
    file_names: &'static [&'static str],
) -> Language {
    Language {
        name,
        loose,
        extensions,
        file_names,
        ..PLAIN
    }
}

pub(super) static TABLE: &[Language] = &[
    plain(
        "text",
        Section,
        &["txt", "text", "log"],
        &["license", "copying", "notice", "authors", "codeowners"],
    ),
    plain("rst", Section, &["rst"], &[]),
    plain("asciidoc", Section, &["adoc", "asciidoc"], &[]),
    plain("org", Section, &["org"], &[]),
    plain("latex", Section, &["tex", "sty", "cls", "bib"], &[]),
    plain(
        "makefile",
        Code,
        &["mk", "mak"],
        &["makefile", "gnumakefile", "justfile", "rakefile.mk"],
    ),
    plain("cmake", Code, &["cmake"], &["cmakelists.txt"]),
    plain("meson", Code, &[], &["meson.build", "meson_options.txt"]),
    plain(
        "dockerfile",
        Code,
        &["dockerfile"],
        &["dockerfile", "containerfile"],
    ),
    plain("protobuf", Code, &["proto"], &[]),
    plain("thrift", Code, &["thrift"], &[]),
    plain("graphql", Code, &["graphql", "gql", "graphqls"], &[]),
    plain("vim", Code, &["vim"], &["vimrc", ".vimrc"]),
    plain("r", Code, &["r", "rmd"], &[".rprofile"]),
    Language {
        shebangs: &["perl"],
        ..plain("perl", Code, &["pl", "pm", "t"], &[])
    },
    plain("objective-c", Code, &["m", "mm"], &[]),
    plain("groovy", Code, &["groovy", "gradle"], &["jenkinsfile"]),
    plain("nix", Code, &["nix"], &[]),
    plain("erlang", Code, &["erl", "hrl"], &["rebar.config"]),
    plain("clojure", Code, &["clj", "cljs", "cljc", "edn"], &[]),
    plain("elm", Code, &["elm"], &[]),
    plain("fsharp", Code, &["fs", "fsi", "fsx"], &[]),
    plain(
        "lisp",
        Code,
        &["lisp", "lsp", "el", "scm", "ss", "rkt"],
        &[],
    ),
    plain("fortran", Code, &["f90", "f95", "f03", "f", "for"], &[]),
    plain("pascal", Code, &["pas", "dpr"], &[]),
    plain("d", Code, &["d"], &[]),
    plain("nim", Code, &["nim"], &[]),
    plain("crystal", Code, &["cr"], &[]),
    plain("solidity", Code, &["sol"], &[]),
    plain("cuda", Code, &["cu", "cuh"], &[]),
    plain(
        "glsl",
        Code,
        &["glsl", "vert", "frag", "comp", "hlsl", "wgsl", "metal"],
        &[],
    ),
    plain("assembly", Code, &["s", "asm"], &[]),
    plain("verilog", Code, &["v", "sv", "vhd", "vhdl"], &[]),
    plain("powershell", Code, &["ps1", "psm1", "psd1"], &[]),
    plain("batch", Code, &["bat", "cmd"], &[]),
    Language {
        shebangs: &["fish"],
        ..plain("fish", Code, &["fish"], &[])
    },
    Language {
        shebangs: &["awk", "gawk"],
        ..plain("awk", Code, &["awk"], &[])
    },
    plain("tcl", Code, &["tcl"], &[]),
    plain("hcl", Code, &["tf", "hcl", "tfvars"], &[]),
    plain(
        "xml",
        Data,
        &[
            "xml", "xsd", "xsl", "svg", "csproj", "props", "targets", "plist", "xaml",
        ],
        &["pom.xml"],
    ),
    plain(
        "ini",
        Data,
        &["ini", "cfg", "conf", "properties", "editorconfig"],
        &[".editorconfig", ".gitconfig", ".gitmodules"],
    ),
    plain("csv", Data, &["csv", "tsv"], &[]),
    plain("scss", Data, &["scss", "sass", "less"], &[]),
    plain(
        "template",
        Data,
        &[
            "erb", "haml", "slim", "ejs", "hbs", "mustache", "jinja", "jinja2", "j2", "tmpl",
            "liquid", "heex", "eex", "leex",
        ],
        &[],
    ),
    plain("cabal", Code, &["cabal"], &["cabal.project"]),
];
