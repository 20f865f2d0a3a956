//! Languages that are known by name only; their files are cut by lines.

use super::{Language, PLAIN};

const fn plain(
    name: &'static str,
    extensions: &'static [&'static str],
    file_names: &'static [&'static str],
) -> Language {
    Language { name, extensions, file_names, ..PLAIN }
}

pub(super) static TABLE: &[Language] = &[
    plain("text", &["txt", "text", "log"], &["license", "copying", "notice", "authors", "codeowners"]),
    plain("rst", &["rst"], &[]),
    plain("asciidoc", &["adoc", "asciidoc"], &[]),
    plain("org", &["org"], &[]),
    plain("latex", &["tex", "sty", "cls", "bib"], &[]),
    plain("makefile", &["mk", "mak"], &["makefile", "gnumakefile", "justfile", "rakefile.mk"]),
    plain("cmake", &["cmake"], &["cmakelists.txt"]),
    plain("meson", &[], &["meson.build", "meson_options.txt"]),
    plain("dockerfile", &["dockerfile"], &["dockerfile", "containerfile"]),
    plain("protobuf", &["proto"], &[]),
    plain("thrift", &["thrift"], &[]),
    plain("graphql", &["graphql", "gql", "graphqls"], &[]),
    plain("vim", &["vim"], &["vimrc", ".vimrc"]),
    plain("r", &["r", "rmd"], &[".rprofile"]),
    Language { shebangs: &["perl"], ..plain("perl", &["pl", "pm", "t"], &[]) },
    plain("objective-c", &["m", "mm"], &[]),
    plain("groovy", &["groovy", "gradle"], &["jenkinsfile"]),
    plain("nix", &["nix"], &[]),
    plain("erlang", &["erl", "hrl"], &["rebar.config"]),
    plain("clojure", &["clj", "cljs", "cljc", "edn"], &[]),
    plain("elm", &["elm"], &[]),
    plain("fsharp", &["fs", "fsi", "fsx"], &[]),
    plain("lisp", &["lisp", "lsp", "el", "scm", "ss", "rkt"], &[]),
    plain("fortran", &["f90", "f95", "f03", "f", "for"], &[]),
    plain("pascal", &["pas", "dpr"], &[]),
    plain("d", &["d"], &[]),
    plain("nim", &["nim"], &[]),
    plain("crystal", &["cr"], &[]),
    plain("solidity", &["sol"], &[]),
    plain("cuda", &["cu", "cuh"], &[]),
    plain("glsl", &["glsl", "vert", "frag", "comp", "hlsl", "wgsl", "metal"], &[]),
    plain("assembly", &["s", "asm"], &[]),
    plain("verilog", &["v", "sv", "vhd", "vhdl"], &[]),
    plain("powershell", &["ps1", "psm1", "psd1"], &[]),
    plain("batch", &["bat", "cmd"], &[]),
    Language { shebangs: &["fish"], ..plain("fish", &["fish"], &[]) },
    Language { shebangs: &["awk", "gawk"], ..plain("awk", &["awk"], &[]) },
    plain("tcl", &["tcl"], &[]),
    plain("hcl", &["tf", "hcl", "tfvars"], &[]),
    plain("xml", &["xml", "xsd", "xsl", "svg", "csproj", "props", "targets", "plist", "xaml"], &["pom.xml"]),
    plain("ini", &["ini", "cfg", "conf", "properties", "editorconfig"], &[".editorconfig", ".gitconfig", ".gitmodules"]),
    plain("csv", &["csv", "tsv"], &[]),
    plain("scss", &["scss", "sass", "less"], &[]),
    plain("template", &["erb", "haml", "slim", "ejs", "hbs", "mustache", "jinja", "jinja2", "j2", "tmpl", "liquid", "heex", "eex", "leex"], &[]),
    plain("cabal", &["cabal"], &["cabal.project"]),
];
