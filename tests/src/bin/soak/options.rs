//! The command line.

use std::time::Duration;

use clap::{Arg, ArgAction, Command, value_parser};
use fastrand::Rng;
use tests::background::random;

use crate::plan::{FaultStep, SoakFault, schedule};

/// The options of the command line.
#[derive(Debug)]
pub(crate) struct SoakOptions {
    pub(crate) minutes: f64,
    pub(crate) seed: u64,
    /// How many times as long the time between two requests or commands of a client is.
    pub(crate) delay_factor: f64,
    pub(crate) stores: Vec<&'static str>,
    pub(crate) faults: Vec<SoakFault>,
    pub(crate) is_plan: bool,
}

impl SoakOptions {
    pub(crate) fn read() -> Self {
        let names = SoakFault::ALL.map(|(name, _)| name);
        let matches = Command::new("soak")
            .arg(
                Arg::new("minutes")
                    .long("minutes")
                    .default_value("10")
                    .value_parser(value_parser!(f64)),
            )
            .arg(Arg::new("seed").long("seed").value_parser(value_parser!(u64)))
            .arg(Arg::new("delays").long("delays").default_value("1").value_parser(positive))
            .arg(
                Arg::new("store")
                    .long("store")
                    .default_value("both")
                    .value_parser(["sqlite", "postgres", "both"]),
            )
            .arg(
                Arg::new("faults")
                    .long("faults")
                    .value_delimiter(',')
                    .default_values(names)
                    .value_parser(names),
            )
            .arg(Arg::new("plan").long("plan").action(ArgAction::SetTrue))
            .get_matches();
        let stores = match matches.get_one::<String>("store").map(String::as_str) {
            Some("sqlite") => vec!["sqlite"],
            Some("postgres") => vec!["postgres"],
            _ => vec!["sqlite", "postgres"],
        };
        let chosen: Vec<_> = matches.get_many::<String>("faults").unwrap().collect();
        let faults = SoakFault::ALL.iter().filter(|(name, _)| chosen.iter().any(|it| it == name));
        Self {
            minutes: *matches.get_one("minutes").unwrap(),
            seed: matches.get_one("seed").copied().unwrap_or_else(|| random() % 1_000_000),
            delay_factor: *matches.get_one("delays").unwrap(),
            stores,
            faults: faults.map(|(_, kind)| *kind).collect(),
            is_plan: matches.get_flag("plan"),
        }
    }

    /// The whole time.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }

    /// The time in which faults happen: the rest shows what a server leaves behind that lives on.
    pub(crate) fn time_of_faults(&self) -> Duration {
        self.time().mul_f64(0.8)
    }

    /// The random numbers of a store's schedule, and of its load.
    pub(crate) fn random(&self, store: &str) -> [Rng; 2] {
        let mut random = Rng::with_seed(self.seed ^ store.len() as u64);
        [random.fork(), random.fork()]
    }

    pub(crate) fn schedule(&self, store: &str) -> Vec<FaultStep> {
        let [mut random, _] = self.random(store);
        schedule(&mut random, &self.faults, store == "sqlite", self.time_of_faults())
    }

    /// The command that does the same again.
    pub(crate) fn command(&self) -> String {
        let store = if let [store] = self.stores[..] { store } else { "both" };
        let faults: Vec<_> = self.faults.iter().map(|kind| kind.name()).collect();
        let Self { minutes, seed, delay_factor, .. } = self;
        let faults = faults.join(",");
        format!(
            "./tests/soak --minutes {minutes} --seed {seed} --delays {delay_factor} --store {store} --faults {faults}"
        )
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "not a positive number".to_owned())
}
