//! `fathom man`: the manual page in roff, all commands in one page.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_mangen::{Man, roff::Roff, roff::bold, roff::roman};

use super::Arguments;
use crate::errors::Exit;

#[derive(Args, Debug)]
pub struct ManArgs {}

pub fn run(_: &ManArgs) -> anyhow::Result<Exit> {
    let mut page = Vec::new();
    write_page(&mut page)?;
    io::stdout().write_all(&page)?;
    Ok(Exit::Found)
}

fn write_page(out: &mut dyn Write) -> io::Result<()> {
    let mut command = Arguments::command();
    command.build();
    let man = Man::new(command.clone());
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    for subcommand in command.get_subcommands() {
        if !subcommand.is_hide_set() && subcommand.get_name() != "help" {
            write_command(out, subcommand.clone())?;
        }
    }
    environment().to_writer(out)?;
    exit_status().to_writer(out)
}

fn write_command(out: &mut dyn Write, command: clap::Command) -> io::Result<()> {
    let title = format!("fathom {}", command.get_name());
    let about = command.get_about().map(ToString::to_string);
    let mut heading = Roff::new();
    heading.control("SH", [title.to_uppercase().as_str()]);
    heading.text([roman(about.unwrap_or_default())]);
    heading.to_writer(out)?;
    Man::new(command).render_options_section(out)
}

fn environment() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    for variable in fathom::env::ALL {
        roff.control("TP", []);
        roff.text([bold(variable.name)]);
        roff.text([roman(variable.meaning)]);
    }
    roff
}

fn exit_status() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in [
        ("0", "found, or done"),
        ("1", "nothing found"),
        ("2", "an error; the message says what to do"),
        ("130", "interrupted; what was encoded is kept"),
    ] {
        roff.control("TP", []);
        roff.text([bold(code)]);
        roff.text([roman(meaning)]);
    }
    roff
}
