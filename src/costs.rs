//! Cost to serve: what a customer brings against the hours that agents spent on it.
//!
//! Hours come from the history, prices from the policy, margins from the directory. Whoever costs more than it
//! brings is a candidate for people to decide about; nothing is decided here. Exact numbers, in thousandths.

use crate::engine::coding::rules::{Attributes, number};
use crate::engine::coding::{Standing, farewell};
use crate::engine::decimal::Decimal;
use crate::journal::{Served, Work};
use crate::policy::CostRules;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The customer's attribute with what the customer brings; `revenue` less `cost` where it is not there.
pub const MARGIN_ATTRIBUTE: &str = "margin";
/// Most different words for burdens that are told of one customer.
const BURDENS_TOLD_MAX: usize = 16;
const HOUR_MS: i128 = 3_600_000;

/// Tickets, hours by pool and their cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Tickets that ended.
    pub ticket_count: u64,
    /// Milliseconds of agents, by pool; the empty name stands for pools of earlier policies.
    pub pools_ms: BTreeMap<Arc<str>, i64>,
}

impl Effort {
    fn add(&mut self, ticket: &Served) {
        self.ticket_count += 1;
        for Work { pool, ms } in &ticket.work {
            *self.pools_ms.entry(pool.clone()).or_default() += ms;
        }
    }

    fn add_all(&mut self, other: &Self) {
        self.ticket_count += other.ticket_count;
        for (pool, ms) in &other.pools_ms {
            *self.pools_ms.entry(pool.clone()).or_default() += ms;
        }
    }

    /// What it cost, in thousandths, rounded to the nearest.
    pub fn cost(&self, rules: &CostRules) -> i128 {
        let cost = |(pool, ms): (&Arc<str>, &i64)| {
            let per_hour = rules.per_hour.get(&**pool).map_or(0, |price| price.thousandths());
            i128::from(*ms) * i128::from(per_hour)
        };
        let sum: i128 = self.pools_ms.iter().map(cost).sum();
        (sum + HOUR_MS / 2).div_euclid(HOUR_MS)
    }

    /// Milliseconds in all pools.
    pub fn total_ms(&self) -> i64 {
        self.pools_ms.values().sum()
    }
}

/// A customer with everything that agents did for it in the period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The customer's id.
    pub customer_id: Box<str>,
    /// The tier of its last ticket.
    pub last_tier: Arc<str>,
    /// What was done.
    pub effort: Effort,
    /// Tickets whose agents named a burden.
    pub burden_count: u32,
    /// How often each burden was named; at most 16 of them, in the order of the words.
    pub burdens: BTreeMap<Box<str>, u32>,
}

impl Account {
    fn add(&mut self, ticket: &Served) {
        self.last_tier = ticket.tier.clone();
        self.effort.add(ticket);
        let Some(burden) = &ticket.burden else { return };
        self.burden_count += 1;
        if self.burdens.len() < BURDENS_TOLD_MAX || self.burdens.contains_key(burden) {
            *self.burdens.entry(burden.clone()).or_default() += 1;
        }
    }
}

/// Makes accounts of tickets that come in the order of their customers.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Option<Account>);

impl Ledger {
    /// Adds a ticket; gives the account before it if that was another customer's.
    pub fn add(&mut self, ticket: &Served) -> Option<Account> {
        let done = self.0.take_if(|open| open.customer_id != ticket.customer_id);
        let open = self.0.get_or_insert_with(|| Account {
            customer_id: ticket.customer_id.clone(),
            ..Account::default()
        });
        open.add(ticket);
        done
    }

    /// The last account.
    pub fn close(self) -> Option<Account> {
        self.0
    }
}

/// For how long a margin is told, in milliseconds: a year of 365 days.
pub const MARGIN_MS: i64 = 365 * 86_400_000;

/// What customers bring in so many milliseconds, in thousandths. A margin is a year's. A longer time is set against as
/// many years; a shorter one against the whole year's, so that nobody is named for a bad week.
fn margin_in(period_ms: i64, margin: Decimal) -> i128 {
    i128::from(margin.thousandths()) * i128::from(period_ms.max(MARGIN_MS)) / i128::from(MARGIN_MS)
}

/// What the directory says of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customer {
    /// The tier it has now.
    pub tier: Box<str>,
    /// How it stands.
    pub standing: Standing,
    /// What it brings in a year, if that is known.
    pub margin: Option<Decimal>,
    /// It is exempt.
    pub is_strategic: bool,
    /// Somebody has proposed a farewell, and nobody else has confirmed it yet.
    pub is_proposed: bool,
}

impl Customer {
    /// What these attributes say beside tier and standing.
    pub fn of(tier: &str, standing: Standing, attributes: &Attributes) -> Self {
        Self {
            tier: tier.into(),
            standing,
            margin: number(attributes, MARGIN_ATTRIBUTE),
            is_strategic: farewell::is_exempt(attributes),
            is_proposed: farewell::name(attributes, farewell::PROPOSED_BY).is_some()
                && standing != Standing::Farewell,
        }
    }
}

/// A line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What was done.
    pub account: Account,
    /// What the directory says; `None` if it does not know the customer any more.
    pub customer: Option<Customer>,
    /// What it brings in the period, in thousandths, if that is known.
    pub margin: Option<i128>,
    /// What it cost, in thousandths.
    pub cost: i128,
    /// Why people should look at it: each rule that it meets. Empty for who is no candidate.
    pub reasons: Vec<String>,
}

impl Line {
    /// The account of so many milliseconds under these rules.
    pub fn of(
        account: Account,
        customer: Option<Customer>,
        period_ms: i64,
        rules: &CostRules,
    ) -> Self {
        let cost = account.effort.cost(rules);
        let margin = customer.as_ref().and_then(|known| known.margin);
        let margin = margin.map(|margin| margin_in(period_ms, margin));
        let is_exempt = customer
            .as_ref()
            .is_none_or(|known| known.is_strategic || known.standing == Standing::Farewell);
        let mut line = Self { account, customer, margin, cost, reasons: Vec::new() };
        if !is_exempt {
            line.reasons.extend(line.too_dear(rules));
            line.reasons.extend(line.too_often(rules));
        }
        line
    }

    fn too_dear(&self, rules: &CostRules) -> Option<String> {
        let margin = self.margin?;
        if self.cost == 0 || self.cost < margin * i128::from(rules.candidate_permille) / 1000 {
            return None;
        }
        let share = match rules.candidate_permille {
            1000 => String::new(),
            permille => format!("{} % of ", tenths(permille)),
        };
        Some(format!("cost {} >= {share}margin {}", amount(self.cost), amount(margin)))
    }

    fn too_often(&self, rules: &CostRules) -> Option<String> {
        let count = self.account.burden_count;
        let least = rules.candidate_burdens.filter(|least| count >= *least)?;
        Some(format!("burdens {count} >= {least}"))
    }

    /// The order of the lists: those of whose margin least is left, then those whose margin is not known, by what
    /// they cost.
    fn rank(&self) -> (bool, i128) {
        (self.margin.is_none(), self.margin.unwrap_or(0) - self.cost)
    }

    /// The tier it has now, or that of its last ticket.
    pub fn tier(&self) -> &str {
        self.customer.as_ref().map_or(&*self.account.last_tier, |known| &known.tier)
    }
}

fn tenths(permille: u32) -> String {
    match permille % 10 {
        0 => (permille / 10).to_string(),
        rest => format!("{}.{rest}", permille / 10),
    }
}

/// An amount in thousandths as people write it: `312.5`.
pub fn amount(thousandths: i128) -> String {
    let (sign, size) = if thousandths < 0 { ("-", -thousandths) } else { ("", thousandths) };
    let (whole, rest) = (size / 1000, size % 1000);
    let text = format!("{sign}{whole}.{rest:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A tier's customers together: those who had tickets in the period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TierTotal {
    /// Customers.
    pub customer_count: u64,
    /// Of these, those whose margin is not known.
    pub unknown_margin_count: u64,
    /// What they bring, in thousandths.
    pub margin: i128,
    /// What serving them cost, in thousandths.
    pub cost: i128,
    /// Tickets with a burden.
    pub burden_count: u64,
    /// What was done for them.
    pub effort: Effort,
}

/// The report, bounded however many customers there are.
#[derive(Clone, Debug)]
pub struct Report {
    /// By the name of the tier.
    pub tiers: BTreeMap<Box<str>, TierTotal>,
    /// How many candidates there are.
    pub candidate_count: u64,
    worst: Worst,
    candidates: Worst,
}

impl Report {
    /// An empty one that keeps so many customers, and so many candidates.
    pub fn keeping(most: usize) -> Self {
        Self {
            tiers: BTreeMap::new(),
            candidate_count: 0,
            worst: Worst::keeping(most),
            candidates: Worst::keeping(most),
        }
    }

    /// Adds a customer.
    pub fn add(&mut self, line: Line) {
        let total = self.tiers.entry(line.tier().into()).or_default();
        total.customer_count += 1;
        match line.margin {
            Some(margin) => total.margin += margin,
            None => total.unknown_margin_count += 1,
        }
        total.cost += line.cost;
        total.burden_count += u64::from(line.account.burden_count);
        total.effort.add_all(&line.account.effort);
        if !line.reasons.is_empty() {
            self.candidate_count += 1;
            self.candidates.add(line.clone());
        }
        self.worst.add(line);
    }

    /// All customers together.
    pub fn whole(&self) -> TierTotal {
        self.tiers.values().fold(TierTotal::default(), |mut sum, tier| {
            sum.customer_count += tier.customer_count;
            sum.unknown_margin_count += tier.unknown_margin_count;
            sum.margin += tier.margin;
            sum.cost += tier.cost;
            sum.burden_count += tier.burden_count;
            sum.effort.add_all(&tier.effort);
            sum
        })
    }

    /// The customers of whose margin least is left, and the candidates likewise, the worst first.
    pub fn lists(self) -> (Vec<Line>, Vec<Line>) {
        (self.worst.sorted(), self.candidates.sorted())
    }
}

/// The first lines by rank, then by the customer's id.
#[derive(Clone, Debug)]
struct Worst {
    most: usize,
    lines: BTreeMap<((bool, i128), Box<str>), Line>,
}

impl Worst {
    fn keeping(most: usize) -> Self {
        Self { most, lines: BTreeMap::new() }
    }

    fn add(&mut self, line: Line) {
        self.lines.insert((line.rank(), line.account.customer_id.clone()), line);
        if self.lines.len() > self.most {
            self.lines.pop_last();
        }
    }

    fn sorted(self) -> Vec<Line> {
        self.lines.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Seq;

    fn rules() -> CostRules {
        let price = |text: &str| Decimal::parse(text).expect("it is a number");
        let per_hour = [("desk", "40"), ("senior", "90.50")];
        CostRules {
            per_hour: per_hour.map(|(pool, text)| (pool.into(), price(text))).into(),
            ..CostRules::default()
        }
    }

    fn ticket(customer: &str, seq: u64, work: &[(&str, i64)], burden: &str) -> Served {
        Served {
            customer_id: customer.into(),
            seq: Seq(seq),
            tier: "C".into(),
            work: work.iter().map(|(pool, ms)| Work { pool: (*pool).into(), ms: *ms }).collect(),
            burden: (!burden.is_empty()).then(|| burden.into()),
        }
    }

    fn account(tickets: &[Served]) -> Account {
        let mut ledger = Ledger::default();
        for ticket in tickets {
            assert_eq!(ledger.add(ticket), None);
        }
        ledger.close().expect("there is one")
    }

    fn customer(facts: &[(&str, &str)]) -> Customer {
        let facts = facts.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Customer::of("C", Standing::Regular, &facts)
    }

    const HOUR: i64 = 3_600_000;

    #[test]
    fn each_pool_costs_its_own_price_and_pools_without_one_cost_nothing() {
        let own = account(&[
            ticket("C-1", 1, &[("desk", HOUR / 2), ("senior", 2 * HOUR)], ""),
            ticket("C-1", 2, &[("desk", HOUR), ("yard", 9 * HOUR)], ""),
        ]);
        assert_eq!(own.effort.ticket_count, 2);
        // 1.5 x 40 + 2 x 90.50.
        assert_eq!(own.effort.cost(&rules()), 241_000);
        assert_eq!(own.effort.total_ms(), HOUR * 25 / 2);
    }

    #[test]
    fn a_millisecond_of_40_an_hour_is_rounded_to_the_nearest_thousandth() {
        let cost = |ms| account(&[ticket("C-1", 1, &[("desk", ms)], "")]).effort.cost(&rules());
        // 40,000 thousandths an hour are one in 90 ms.
        assert_eq!([cost(44), cost(45), cost(90), cost(134), cost(135)], [0, 1, 1, 1, 2]);
    }

    #[test]
    fn an_account_ends_with_the_next_customer() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.add(&ticket("C-1", 1, &[], "abusive")), None);
        assert_eq!(ledger.add(&ticket("C-1", 4, &[], "abusive")), None);
        let first = ledger.add(&ticket("C-2", 2, &[], "")).expect("the first is done");
        assert_eq!((&*first.customer_id, first.effort.ticket_count), ("C-1", 2));
        assert_eq!((first.burden_count, first.burdens["abusive"]), (2, 2));
        assert_eq!(ledger.close().map(|last| last.burden_count), Some(0));
    }

    #[test]
    fn who_costs_as_much_as_it_brings_is_a_candidate_with_the_reason() {
        let hour = || account(&[ticket("C-1", 1, &[("desk", HOUR)], "")]);
        let reasons =
            |facts: &[_]| Line::of(hour(), Some(customer(facts)), MARGIN_MS, &rules()).reasons;
        assert_eq!(reasons(&[("margin", "40")]), ["cost 40 >= margin 40"]);
        assert_eq!(reasons(&[("revenue", "100"), ("cost", "70")]), ["cost 40 >= margin 30"]);
        assert_eq!(reasons(&[("margin", "40.001")]), [""; 0]);
        assert_eq!(reasons(&[]), [""; 0], "nobody is judged by a margin that is not known");
        assert_eq!(reasons(&[("margin", "-5"), ("strategic", " Yes ")]), [""; 0], "exempt");
        let gone = Line::of(hour(), None, MARGIN_MS, &rules());
        assert_eq!((gone.reasons.len(), gone.tier()), (0, "C"));
    }

    #[test]
    fn who_cost_nothing_is_no_candidate_whatever_it_brings() {
        let none = account(&[ticket("C-1", 1, &[], "")]);
        assert_eq!(
            Line::of(none, Some(customer(&[("margin", "-5")])), MARGIN_MS, &rules()).reasons,
            [""; 0]
        );
    }

    #[test]
    fn burdens_make_a_candidate_from_the_number_that_the_policy_sets() {
        let rules = CostRules { candidate_burdens: Some(2), candidate_permille: 500, ..rules() };
        let twice = || {
            account(&[
                ticket("C-1", 1, &[("desk", HOUR)], "abusive"),
                ticket("C-1", 2, &[], "returns"),
            ])
        };
        let reasons =
            |facts: &[_]| Line::of(twice(), Some(customer(facts)), MARGIN_MS, &rules).reasons;
        assert_eq!(reasons(&[("margin", "1000")]), ["burdens 2 >= 2"]);
        assert_eq!(
            reasons(&[("margin", "80")]),
            ["cost 40 >= 50 % of margin 80", "burdens 2 >= 2"]
        );
        assert_eq!(reasons(&[("strategic", "1")]), [""; 0], "exempt");
        let leaving =
            Customer::of("C", Standing::Farewell, &[("margin".into(), "1".into())].into());
        assert_eq!(
            Line::of(twice(), Some(leaving), MARGIN_MS, &rules).reasons,
            [""; 0],
            "decided already"
        );
    }

    #[test]
    fn the_report_keeps_the_worst_and_sums_everybody() {
        let mut report = Report::keeping(2);
        for (id, margin) in [("C-1", "100"), ("C-2", "10"), ("C-3", "20"), ("C-4", "30")] {
            let own = account(&[ticket(id, 1, &[("desk", HOUR / 2)], "")]);
            report.add(Line::of(own, Some(customer(&[("margin", margin)])), MARGIN_MS, &rules()));
        }
        let own = account(&[ticket("C-5", 1, &[("desk", HOUR)], "")]);
        report.add(Line::of(own, None, MARGIN_MS, &rules()));
        let whole = report.whole();
        assert_eq!((whole.customer_count, whole.unknown_margin_count), (5, 1));
        assert_eq!((whole.margin, whole.cost), (160_000, 120_000));
        assert_eq!(report.candidate_count, 2);
        let ids = |lines: Vec<Line>| -> Vec<String> {
            lines.into_iter().map(|line| line.account.customer_id.into()).collect()
        };
        let (worst, candidates) = report.lists();
        assert_eq!(ids(worst), ["C-2", "C-3"]);
        assert_eq!(ids(candidates), ["C-2", "C-3"]);
    }

    #[test]
    fn a_margin_is_a_years_and_a_shorter_time_is_set_against_the_whole_of_it() {
        let hour = || account(&[ticket("C-1", 1, &[("desk", HOUR)], "")]);
        let told = |period_ms, margin| {
            let line = Line::of(hour(), Some(customer(&[("margin", margin)])), period_ms, &rules());
            (line.margin, line.reasons)
        };
        assert_eq!(told(MARGIN_MS / 12, "50"), (Some(50_000), vec![]));
        assert_eq!(told(2 * MARGIN_MS, "20.001"), (Some(40_002), vec![]));
        assert_eq!(told(2 * MARGIN_MS, "20").1, ["cost 40 >= margin 40"]);
    }

    #[test]
    fn amounts_are_written_as_people_do() {
        let written = [0, 312_500, -40_000, -5, 1_000_000_000].map(amount);
        assert_eq!(written, ["0", "312.5", "-40", "-0.005", "1000000"]);
    }
}
