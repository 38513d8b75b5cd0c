//! What an operator types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jackfield_core::fact::Role;

/// Jackfield: one conversation with each customer, over every channel.
#[derive(Debug, Parser)]
#[command(name = "jackfield", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the host until SIGTERM or SIGINT
    ///
    /// Prints one line on standard output when it is ready: `jackfield is ready on URL`. Logs go to standard error.
    Serve(ConfigFile),
    /// Say what is wrong with a configuration, without starting anything
    ///
    /// Reads the file, compiles the connectors, fetches the secrets, and checks every channel's settings, secrets and grants. Prints a
    /// line for each problem, with its remedy, and ends with status 1 if there is one. Nothing outside is called.
    Check(ConfigFile),
    /// Make, list or revoke the keys of API clients
    ///
    /// Works on the data folder while the host is stopped. While it runs, its API is asked instead, with the key of an admin in the
    /// variable JACKFIELD_KEY.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Build the views again from the journal, or check them against it; the host must be stopped
    Rebuild {
        /// The configuration.
        #[command(flatten)]
        config: ConfigFile,
        /// Change nothing: apply the journal afresh beside the views, compare, and end with status 1 if they differ
        #[arg(long)]
        check: bool,
    },
    /// Write the journal to standard output, one JSON object a line; the host may be running
    Export(ConfigFile),
}

/// Which configuration.
#[derive(Clone, Debug, Args)]
pub struct ConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "JACKFIELD_CONFIG", default_value = "jackfield.toml")]
    pub config: PathBuf,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and show it, once, on standard output
    Create {
        /// What the key is for, in words
        #[arg(long)]
        name: String,
        /// What it may do; each role may do what those before it may
        #[arg(long, value_enum)]
        role: RoleName,
        /// Where the key is to be made.
        #[command(flatten)]
        place: KeyPlace,
    },
    /// List all keys, revoked ones too; the keys themselves are kept nowhere
    List {
        /// Whose keys.
        #[command(flatten)]
        place: KeyPlace,
    },
    /// Revoke a key, at once and for ever
    Revoke {
        /// The key's id, as `list` shows it: key_12
        id: String,
        /// Whose key.
        #[command(flatten)]
        place: KeyPlace,
    },
}

/// Where keys are.
#[derive(Clone, Debug, Args)]
pub struct KeyPlace {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFile,
    /// Where the running host is [default: where the configuration listens]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Read
    Reader,
    /// Read, reply, link
    Agent,
    /// Channels and connectors
    Operator,
    /// Everything, keys included
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Reader => Self::Reader,
            RoleName::Agent => Self::Agent,
            RoleName::Operator => Self::Operator,
            RoleName::Admin => Self::Admin,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
