//! The classes of a book, and who moves.

use super::book::Book;
use super::curve::{self, Curve};
use super::scheme::{Cut, Scheme, WHOLE};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What a class brings. Amounts are in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Customers that were in it before.
    pub before_count: u64,
    /// Customers that are in it now.
    pub customer_count: u64,
    /// Their revenue together.
    pub revenue: i128,
    /// Their margin together.
    pub margin: i128,
    /// The least margin of one of them, if there are any.
    pub margin_min: Option<i64>,
}

/// Where one class ends and the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary {
    /// Customers above it, by margin alone.
    pub customer_count: u64,
    /// The margin at the boundary, in thousandths: the least of those above it, or the threshold. None if
    /// the shares leave nobody above.
    pub margin: Option<i64>,
    /// How far beyond it a customer must be to change its class, in thousandths.
    pub band: i64,
}

/// A customer whose class is not its tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its place in the book, from 0.
    pub at: usize,
    /// The tier it had, for [`Book::tier_name`]; none if it had none.
    pub from: Option<usize>,
    /// The class it is in now.
    pub to: usize,
    /// Its margin, in thousandths.
    pub margin: i64,
}

/// The classes of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The class of each customer in the book's order; none for an id that was there before.
    pub classes: Vec<Option<usize>>,
    /// Lines whose id was there before, each with the line of the first, in order.
    pub doubles: Vec<(u64, u64)>,
    /// What each class brings, the best first.
    pub totals: Vec<Total>,
    /// What divides the classes; one less than there are classes.
    pub boundaries: Vec<Boundary>,
    /// How many move from a tier (none: from no tier) to a class.
    pub moves: BTreeMap<(Option<usize>, usize), u64>,
    /// What the best customers bring, and the next, down to the last.
    pub curve: Curve,
    /// Places in the book by falling margin, then id.
    order: Vec<usize>,
}

impl Scheme {
    /// Classifies the customers of a book that was made for this scheme.
    pub fn classify(&self, book: &Book) -> Outcome {
        let (order, doubles) = ranked(book);
        let boundaries = self.boundaries(book, &order);
        let mut classes = vec![None; book.len()];
        let mut totals = vec![Total::default(); self.names.len()];
        let mut moves = BTreeMap::new();
        for (place, &at) in order.iter().enumerate() {
            let kept = &book.kept[at];
            let now = book.class_now(at);
            let class = class_of(&boundaries, place as u64, kept.margin, now);
            classes[at] = Some(class);
            if let Some(now) = now {
                totals[now].before_count += 1;
            }
            let total = &mut totals[class];
            total.customer_count += 1;
            total.revenue += i128::from(kept.revenue);
            total.margin += i128::from(kept.margin);
            // They come by falling margin.
            total.margin_min = Some(kept.margin);
            if now != Some(class) {
                *moves.entry((kept.tier.map(usize::from), class)).or_insert(0) += 1;
            }
        }
        let amounts = order.iter().map(|at| (book.kept[*at].margin, book.kept[*at].revenue));
        let curve = curve::of(amounts, order.len() as u64);
        Outcome { classes, doubles, totals, boundaries, moves, curve, order }
    }

    fn boundaries(&self, book: &Book, order: &[usize]) -> Vec<Boundary> {
        let boundary = |customer_count: u64, margin: Option<i64>| {
            let size = margin.unwrap_or(0).unsigned_abs();
            let band = u128::from(size) * u128::from(self.hysteresis) / u128::from(WHOLE);
            let band = i64::try_from(band).expect("it is at most half of an amount");
            Boundary { customer_count, margin, band }
        };
        let margin = |place: usize| book.kept[order[place]].margin;
        match &self.cut {
            Cut::Shares(sums) => {
                let boundaries = sums.iter().map(|sum| {
                    let count = order.len() as u128;
                    // To the nearest customer, a half upwards.
                    let rounded = (count * u128::from(*sum) * 2 + u128::from(WHOLE))
                        / (u128::from(WHOLE) * 2);
                    let above = usize::try_from(rounded).expect("it is at most the customers");
                    boundary(above as u64, above.checked_sub(1).map(margin))
                });
                boundaries.collect()
            }
            Cut::Thresholds(margins) => {
                let boundaries = margins.iter().map(|least| {
                    let least = least.thousandths();
                    let above = order.partition_point(|at| book.kept[*at].margin >= least);
                    boundary(above as u64, Some(least))
                });
                boundaries.collect()
            }
        }
    }
}

/// The customers by falling margin, then id; and the lines whose id was there before.
fn ranked(book: &Book) -> (Vec<usize>, Vec<(u64, u64)>) {
    let mut order: Vec<usize> = (0..book.len()).collect();
    // Among the same ids the first to come stays first: this sort and the next keep what is equal in order.
    order.sort_by(|a, b| book.id(*a).cmp(book.id(*b)));
    let mut doubles = vec![];
    order.dedup_by(|later, first| {
        let is_double = book.id(*later) == book.id(*first);
        if is_double {
            doubles.push((book.kept[*later].line, book.kept[*first].line));
        }
        is_double
    });
    doubles.sort_unstable();
    order.sort_by_key(|at| Reverse(book.kept[*at].margin));
    (order, doubles)
}

/// The class of the customer at this place of the ranking, who is in class `now`, if in any.
fn class_of(boundaries: &[Boundary], place: u64, margin: i64, now: Option<usize>) -> usize {
    let by_margin = boundaries.partition_point(|boundary| boundary.customer_count <= place);
    let Some(mut class) = now else {
        return by_margin;
    };
    // One boundary after the other, as long as the customer is beyond its band. A boundary that nobody is
    // above keeps nobody.
    let beyond = |at: usize| {
        let Boundary { margin: at_boundary, band, .. } = boundaries[at];
        at_boundary.is_none_or(|at_boundary| margin.abs_diff(at_boundary) >= band.unsigned_abs())
    };
    while class > by_margin && beyond(class - 1) {
        class -= 1;
    }
    while class < by_margin && beyond(class) {
        class += 1;
    }
    class
}

impl Outcome {
    /// Who moves, the one with the largest margin first.
    pub fn movers<'a>(&'a self, book: &'a Book) -> impl Iterator<Item = Move> + 'a {
        self.order.iter().filter_map(|&at| {
            let to = self.classes[at].expect("who is ranked has a class");
            let kept = &book.kept[at];
            let moves = book.class_now(at) != Some(to);
            moves.then(|| Move { at, from: kept.tier.map(usize::from), to, margin: kept.margin })
        })
    }

    /// All classes together.
    pub fn whole(&self) -> Total {
        self.totals.iter().fold(Total::default(), |whole, total| Total {
            before_count: whole.before_count + total.before_count,
            customer_count: whole.customer_count + total.customer_count,
            revenue: whole.revenue + total.revenue,
            margin: whole.margin + total.margin,
            margin_min: [whole.margin_min, total.margin_min].into_iter().flatten().min(),
        })
    }
}
