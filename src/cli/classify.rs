//! `tierline customers classify`: a book of customers coded into classes by what each brings.

mod file;
mod report;
mod store;

use super::Context;
use super::console;
use super::fault::Fault;
use super::table::printable;
use crate::classify::{Scheme, svg};
use clap::Args;
use file::{Amounts, Reading, Unread};
use std::path::{Path, PathBuf};

/// Code a book of customers into tiers by what each brings; without --out or --apply nothing is changed.
///
/// The margin of a customer is its revenue less its cost. Either the classes take shares of the customers, the largest
/// margin first, or each begins at a margin. A customer whose tier is one of the classes leaves it only when its margin
/// is beyond the boundary by the band of --hysteresis. Customers with the same margin are ordered by their ids.
///
/// The file is one for `customers import`, with the amounts as columns: numbers with at most three places. A missing
/// cost is 0. Lines that cannot be read, or have no revenue, are listed and keep their tier.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes: 0 all are classified, 65 some lines are faulty (the others are classified), 69 the directory or the server is
away.

JSON fields: file, customer_count, without_cost_count, fault_count, faults [{line, message}], classes [{class,
before_count, customer_count, customer_percent, revenue, revenue_percent, margin, margin_percent, margin_min}], boundaries
[{above, below, margin, band}], moves [{from, to, customer_count}], mover_count, movers [{customer_id, from, to, margin}],
curve [{customer_count, revenue, margin}], stored {stored_count, unchanged_count, unknown_count}. Amounts are text.

Examples:
  tierline customers classify book.csv --classes gold=20,silver=30,standard=50 --hysteresis 5% --svg pareto.svg
  tierline customers classify book.csv --thresholds gold=10000,silver=1000,standard --out classified.csv
  tierline customers classify book.csv --classes gold=20,silver=30,standard=50 --apply")]
pub(super) struct Classify {
    /// The book: UTF-8, commas, quotes as in RFC 4180
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Classes with their shares of the customers in per cent, the best first: A=20,B=30,C=50
    #[arg(long, value_name = "SHARES", required_unless_present = "thresholds")]
    classes: Option<String>,
    /// Classes with the margin at which each begins; the last takes the rest: A=10000,B=1000,C
    #[arg(long, value_name = "MARGINS", conflicts_with = "classes")]
    thresholds: Option<String>,
    /// How far beyond a boundary a customer leaves its class, in per cent of the boundary's margin, 0 to 50
    #[arg(long, value_name = "BAND", default_value = "0%")]
    hysteresis: String,
    /// The column with the revenue
    #[arg(long, value_name = "COLUMN", default_value = "attr:revenue")]
    revenue: String,
    /// The column with the cost to serve
    #[arg(long, value_name = "COLUMN", default_value = "attr:cost")]
    cost: String,
    /// Write the file again with the classes as tiers
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    /// Draw the Pareto curve
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Store the class of each customer who moves as its tier in the server's directory
    #[arg(long)]
    apply: bool,
    /// Customers who move that are listed, at most 10000
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=10_000))]
    movers: u64,
}

impl Classify {
    /// Runs it.
    pub(super) async fn run(self, context: &Context) -> Result<(), Fault> {
        let scheme = self.scheme()?;
        // A server that is away is found out before the work is done.
        let connection = if self.apply { Some(context.connect().await?) } else { None };
        let amounts = Amounts { revenue: &self.revenue, cost: &self.cost };
        let read = file::read(&self.file, &scheme, amounts);
        let mut reading = read.map_err(|unread| fault(&self.file, unread))?;
        let outcome = scheme.classify(&reading.book);
        reading.add_doubles(&outcome.doubles);
        if let Some(path) = &self.svg {
            let failed = |source| Fault::File { path: path.clone(), source };
            std::fs::write(path, svg(&outcome, scheme.names())).map_err(failed)?;
        }
        if let Some(into) = &self.out {
            let classes = &outcome.classes;
            file::write(&self.file, into, &reading, scheme.names(), classes, amounts)
                .map_err(|unread| fault(into, unread))?;
        }
        let mut stored = None;
        let mut end = Ok(());
        if let Some(connection) = &connection {
            let book = &reading.book;
            let tiers = outcome
                .movers(book)
                .map(|mover| (book.id(mover.at).to_owned(), scheme.names()[mover.to].clone()));
            let (counts, ended) = store::store(connection, tiers).await;
            (stored, end) = (Some(counts), ended);
        }
        let report = report::Report::of(&self, &scheme, &reading, &outcome, stored);
        if context.is_json() {
            console::json(&report)?;
        } else {
            self.remark(&reading);
            console::say(report.text(&outcome))?;
        }
        end?;
        if reading.fault_count > 0 { Err(Fault::Told(65)) } else { Ok(()) }
    }

    fn scheme(&self) -> Result<Scheme, Fault> {
        let usage = |option: &str, error| Fault::Usage(format!("--{option}: {error}"));
        let scheme = match (&self.classes, &self.thresholds) {
            (Some(shares), _) => Scheme::shares(shares).map_err(|error| usage("classes", error))?,
            (None, margins) => Scheme::thresholds(margins.as_deref().unwrap_or_default())
                .map_err(|error| usage("thresholds", error))?,
        };
        scheme.with_hysteresis(&self.hysteresis).map_err(|error| usage("hysteresis", error))
    }

    /// What was not as expected, before the report.
    fn remark(&self, reading: &Reading) {
        for fault in &reading.faults {
            console::note(format_args!("line {}: {}", fault.line, printable(&fault.message)));
        }
        let listed = reading.faults.len() as u64;
        if reading.fault_count > listed {
            console::note(format_args!("and {} more", reading.fault_count - listed));
        }
        if !reading.has_cost {
            console::note(format_args!("no column {}: every cost is taken for 0", self.cost));
        } else if reading.without_cost_count > 0 {
            let count = reading.without_cost_count;
            console::note(format_args!("{count} without {}: taken for 0", self.cost));
        }
    }
}

fn fault(path: &Path, unread: Unread) -> Fault {
    match unread {
        Unread::Io(source) => Fault::File { path: path.to_owned(), source },
        Unread::Data(problem) => Fault::Data(printable(&format!("{}: {problem}", path.display()))),
    }
}
