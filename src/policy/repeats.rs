//! `[repeats]`: what is made of customers who come again and again about the same topic.

use super::{Names, REPEATS_THRESHOLD, REPEATS_WINDOW_MS};
use crate::engine::contacts::Repeats;
use crate::settings::Section;

/// The rules; faults are noted.
pub(super) fn read(root: &Section<'_>, names: &Names<'_>) -> Option<Repeats> {
    let default = Repeats::default();
    let section = root.section("repeats");
    let window_ms =
        section.get("window").map_or(Some(default.window_ms), |item| item.ms(REPEATS_WINDOW_MS));
    let threshold = match section.get("threshold") {
        None => Some(None),
        Some(item) => item
            .whole(REPEATS_THRESHOLD)
            .map(|count| Some(u32::try_from(count).expect("it is at most 16"))),
    };
    let pool = match section.get("pool") {
        None => Some(None),
        Some(item) if threshold == Some(None) => {
            item.fault(
                "gets nothing without threshold, the number of contacts from which it serves",
            );
            None
        }
        Some(item) => names.pool(&item).map(Some),
    };
    section.finish();
    Some(Repeats { window_ms: window_ms?, threshold: threshold?, pool: pool? })
}
