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
    /// line for each problem, with its remedy, and ends with status 1 if there is one. Nothing outside is called, so connectors in
    /// registries, and their channels, are left out.
    Check(ConfigFile),
    /// Make, list or revoke the keys of API clients
    ///
    /// Works on the data folder while the host is stopped. While it runs, its API is asked instead, with the key of an admin in the
    /// variable JACKFIELD_KEY.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Bring, list and switch the versions of connectors of a running host
    ///
    /// Asks the host's API, with the key of an operator in the variable JACKFIELD_KEY.
    #[command(subcommand)]
    Connector(ConnectorCommand),
    /// Look after the channels of a running host
    ///
    /// Asks the host's API, with the key of an operator in the variable JACKFIELD_KEY.
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Erase a customer of a running host
    ///
    /// Asks the host's API, with the key of an operator in the variable JACKFIELD_KEY.
    #[command(subcommand)]
    Customer(CustomerCommand),
    /// Have a running host read its configuration again: connectors, channels, and whom it trusts
    ///
    /// All of it counts, or nothing. Asks the host's API, with the key of an operator in the variable JACKFIELD_KEY.
    Reload(HostPlace),
    /// List, handle again or let go of deliveries that could not be handled
    ///
    /// Asks the host's API, with the key of an operator in the variable JACKFIELD_KEY.
    #[command(subcommand)]
    Parked(ParkedCommand),
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
    /// What the host starts for each component that it compiles
    #[command(hide = true)]
    Compile {
        /// CPU time, in seconds
        cpu_seconds: u64,
        /// Memory, in MiB
        memory_mib: u64,
    },
    /// Fill an empty data folder from standard input, one JSON object a line as `export` writes them; the host must not be running
    Import(ConfigFile),
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

/// A host that runs.
#[derive(Clone, Debug, Args)]
pub struct HostPlace {
    /// The configuration, which says where the host listens.
    #[command(flatten)]
    pub config: ConfigFile,
    /// Where the host is [default: where the configuration listens]
    #[arg(long, value_name = "URL", env = "JACKFIELD_URL")]
    pub url: Option<String>,
    /// Print the host's answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// What to do with connectors.
#[derive(Debug, Subcommand)]
pub enum ConnectorCommand {
    /// List the connectors
    List {
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Show a connector and its generations
    Show {
        /// The operator's name for it
        name: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Bring a component as the next generation; it serves once it has proven itself
    Add {
        /// The operator's name for the connector; a new name makes a new connector
        name: String,
        /// The component
        file: PathBuf,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Have the host pull a component from a registry, and bring it as the next generation
    ///
    /// The registry needs a section [registries."HOST"] in the host's configuration.
    Pull {
        /// The operator's name for the connector; a new name makes a new connector
        name: String,
        /// The component, by digest: ghcr.io/acme/whatsapp@sha256:DIGEST
        reference: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Have a generation serve that served before, or whose grants were missing
    Activate {
        /// The operator's name for the connector
        name: String,
        /// The generation's number, as `show` lists it
        generation: u32,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Grant what a generation asks for and waits for, and have it serve
    Approve {
        /// The operator's name for the connector
        name: String,
        /// The generation's number, as `show` lists it
        generation: u32,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Bring back the generation that served before
    Rollback {
        /// The operator's name for the connector
        name: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Take out a connector that no channel uses
    Remove {
        /// The operator's name for the connector
        name: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
}

/// What to do with channels.
#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    /// List the channels
    List {
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Show a channel: grants, limits, counters, last error
    Show {
        /// The channel
        id: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Stop a channel, in and out; providers are told to come again
    Pause {
        /// The channel
        id: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Have a channel go on that was paused, or parked until its credentials were put right
    Resume {
        /// The channel
        id: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Show what a channel may do, and what its connector asks for
    Grants {
        /// The channel
        id: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Allow a channel to reach origins
    Grant {
        /// The channel
        id: String,
        /// Origins: https://api.example.com
        #[arg(required = true)]
        origins: Vec<String>,
        /// Also where their names lead to private or loopback addresses
        #[arg(long)]
        private: bool,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Take origins back from a channel, whatever the configuration says
    Revoke {
        /// The channel
        id: String,
        /// Origins: https://api.example.com
        #[arg(required = true)]
        origins: Vec<String>,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Say why a channel may or may not reach an origin
    Explain {
        /// The channel
        id: String,
        /// The origin: https://api.example.com
        origin: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Show what a channel's connector logged last, and why calls came to nothing
    Log {
        /// The channel
        id: String,
        /// Go on with what it logs, as it does
        #[arg(long, short)]
        follow: bool,
        /// How many of the last 500 lines to begin with
        #[arg(long, short = 'n', default_value_t = 50)]
        lines: u32,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Register the channel's webhook with the provider, and say what is left to do by hand
    Connect {
        /// The channel
        id: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Say what is wrong with a channel, and how to mend it; ends with status 1 if something is
    Doctor {
        /// The channel
        id: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
}

/// What to do with customers.
#[derive(Debug, Subcommand)]
pub enum CustomerCommand {
    /// Erase a person: addresses, names, messages, files, and what was said about the person
    ///
    /// At once nobody finds the customer any more; then the content is taken out of the journal. Run it again to see whether that is done.
    Erase {
        /// The customer's id: cus_12
        id: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
}

/// What to do with parked deliveries.
#[derive(Debug, Subcommand)]
pub enum ParkedCommand {
    /// List them, newest first
    List {
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Show one
    Show {
        /// Its id: prk_12
        id: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Handle one again, or all
    Replay {
        /// Its id: prk_12
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// All of them: those that were verified when they came first, then the others, each oldest first
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// Only those of this channel
        #[arg(long, requires = "all")]
        channel: Option<String>,
        /// On this generation of the connector [default: the one that serves]
        #[arg(long)]
        generation: Option<u32>,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
    /// Let go of one; it stays in the journal
    Discard {
        /// Its id: prk_12
        id: String,
        /// Where.
        #[command(flatten)]
        host: HostPlace,
    },
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
