//! `packyard reference`, hidden: every command with its help, or every bound, as
//! Markdown. The documentation is made from it, so that it cannot drift.

use clap::CommandFactory as _;
use registry_server::RegistryConfig;
use service::config::ServerConfig;

use crate::args::Cli;
use crate::error::CliError;
use crate::output::print;

/// Print a part of the documentation.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which part.
    #[arg(value_enum, default_value = "commands")]
    part: Part,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Part {
    Commands,
    Limits,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    match args.part {
        Part::Commands => commands(),
        Part::Limits => limits(),
    }
}

fn limits() -> Result<(), CliError> {
    let mut text = String::from(
        "# Limits\n\nMade from the program's own constants: `packyard reference limits`. Everything that a \
         client sends or asks for has a bound; one past it gets what the third column says.\n\n\
         | what | bound | beyond it | key |\n| --- | --- | --- | --- |\n",
    );
    let server = service::limits::limits(&ServerConfig::default());
    let registry = registry_server::limits(&RegistryConfig::new(""));
    let builder = imagebuilder_server::limits();
    for limit in server.into_iter().chain(registry).chain(builder) {
        let key = limit.key.map_or(String::new(), |key| format!("`{key}`"));
        text.push_str(&format!(
            "| {} | {} | {} | {key} |\n",
            limit.what, limit.bound, limit.beyond
        ));
    }
    print(&text)
}

fn commands() -> Result<(), CliError> {
    let mut text = String::from(
        "# Commands\n\nMade from the program's own help. Data goes to standard output, remarks and progress to \
         standard error.\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not allowed, 5 a policy or \
         lint refused, 130 interrupted.\n",
    );
    let mut root = Cli::command().term_width(100);
    root.build();
    describe(&mut root, &mut text);
    print(&text)
}

fn describe(command: &mut clap::Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or("packyard").to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    text.push_str(&format!(
        "\n## `{name}`\n\n```text\n{}\n```\n",
        help.join("\n").trim_end()
    ));
    for sub in command.get_subcommands_mut() {
        if !sub.is_hide_set() && sub.get_name() != "help" {
            describe(sub, text);
        }
    }
}
