//! Where to measure next in one row of a map: between neighbours that lie on different sides of
//! the margin.
//!
//! Pure: the sides that are known go in, indices of levels come out. First come the coarse levels;
//! then each gap between settled neighbours of different sides is halved until they are neighbours
//! on the finest grid, or until only open points lie between them. Last, where a row ends in open
//! points, the gap between them and the settled point next to them is halved, so that it is known how
//! far that point's side reaches. A level that was measured is never proposed again.
//!
//! What the coarse levels cannot see is not looked for: a regime that begins and ends between two
//! coarse levels of the same side stays unknown.

/// On which side of the margin a point is shown to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The overhead is above the margin: the whole interval is.
    Costs,
    /// The overhead is inside the margin, by the equivalence test.
    Inside,
    /// The overhead is below minus the margin: the whole interval is.
    Pays,
}

/// What is known of a level in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Not measured.
    Unknown,
    /// Measured, but not shown to lie on one side.
    Open,
    /// Shown to lie on one side.
    Settled(Side),
}

/// Two settled levels of different sides with no settled one between them: the overhead crosses the
/// margin there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    /// The level of less work, as an index.
    pub below: usize,
    /// The level of more work, as an index.
    pub above: usize,
}

/// `count` of `levels` indices, evenly spread, both ends among them.
pub fn coarse(levels: usize, count: usize) -> Vec<usize> {
    let count = count.clamp(2, levels.max(2));
    let mut all: Vec<usize> = (0..count)
        .map(|i| (2 * i * levels.saturating_sub(1) + (count - 1)) / (2 * (count - 1)))
        .collect();
    all.dedup();
    all
}

/// The levels of one row to measure next, increasing; none when the row is done.
pub fn next(row: &[Level], coarse: &[usize]) -> Vec<usize> {
    let unmeasured = |&at: &usize| row.get(at) == Some(&Level::Unknown);
    let first: Vec<usize> = coarse.iter().copied().filter(unmeasured).collect();
    if !first.is_empty() {
        return first;
    }
    let mut proposed: Vec<usize> = crossings(row)
        .into_iter()
        .flat_map(|crossing| narrowing(row, crossing))
        .collect();
    proposed.dedup();
    if proposed.is_empty() {
        return beside_open_ends(row);
    }
    proposed
}

/// The middles between the outermost settled levels and the open ones beyond them, where nothing
/// settles an end of the row: what lies between two open points is as hard to tell as they are.
fn beside_open_ends(row: &[Level]) -> Vec<usize> {
    let is_settled = |at: &usize| matches!(row[*at], Level::Settled(_));
    let is_open = |at: &usize| row[*at] == Level::Open;
    let mut settled = (0..row.len()).filter(is_settled);
    let Some(first) = settled.next() else {
        return Vec::new();
    };
    let last = settled.next_back().unwrap_or(first);
    let before = (0..first).rev().find(is_open).map(|open| (open, first));
    let after = (last..row.len()).find(is_open).map(|open| (last, open));
    before
        .into_iter()
        .chain(after)
        .filter(|(from, to)| to - from > 1)
        .map(|(from, to)| usize::midpoint(from, to))
        .collect()
}

/// Where settled neighbours lie on different sides, from the least work to the most.
pub fn crossings(row: &[Level]) -> Vec<Crossing> {
    let settled: Vec<(usize, Side)> = row
        .iter()
        .enumerate()
        .filter_map(|(at, level)| match level {
            Level::Settled(side) => Some((at, *side)),
            Level::Unknown | Level::Open => None,
        })
        .collect();
    settled
        .windows(2)
        .filter(|pair| pair[0].1 != pair[1].1)
        .map(|pair| Crossing {
            below: pair[0].0,
            above: pair[1].0,
        })
        .collect()
}

/// The levels that narrow a crossing: the middle of it where nothing was measured inside, else one
/// on each side of the open points.
///
/// A point is mostly open since the crossing is near, so its neighbours come first; were they open
/// too, as where a device is noisy, the next ones lie as far away as the open points reach, but no
/// further than half the gap. What lies between two open points is as hard to tell as they are.
fn narrowing(row: &[Level], crossing: Crossing) -> Vec<usize> {
    let Crossing { below, above } = crossing;
    let open: Vec<usize> = (below + 1..above)
        .filter(|&at| row[at] == Level::Open)
        .collect();
    let middle = |from: usize, to: usize| (to - from > 1).then(|| usize::midpoint(from, to));
    let (Some(&first), Some(&last)) = (open.first(), open.last()) else {
        return middle(below, above).into_iter().collect();
    };
    let reach = last - first + 1;
    let before = middle(below, first).map(|at| at.max(first.saturating_sub(reach)));
    let after = middle(last, above).map(|at| at.min(last + reach));
    before.into_iter().chain(after).collect()
}

/// Whether all that the finest grid can tell of a row is known: both ends are settled, and settled
/// neighbours of different sides are neighbours on the grid.
pub fn is_complete(row: &[Level]) -> bool {
    let settled = |level: Option<&Level>| matches!(level, Some(Level::Settled(_)));
    settled(row.first())
        && settled(row.last())
        && crossings(row)
            .iter()
            .all(|crossing| crossing.above - crossing.below == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `c`osts, `i`nside, `p`ays, `?` open, `.` unknown.
    fn row(text: &str) -> Vec<Level> {
        text.chars()
            .map(|c| match c {
                'c' => Level::Settled(Side::Costs),
                'i' => Level::Settled(Side::Inside),
                'p' => Level::Settled(Side::Pays),
                '?' => Level::Open,
                _ => Level::Unknown,
            })
            .collect()
    }

    fn next_of(text: &str) -> Vec<usize> {
        next(&row(text), &coarse(text.len(), 3))
    }

    #[test]
    fn coarse_levels_are_spread_evenly_with_both_ends() {
        assert_eq!(coarse(17, 3), [0, 8, 16]);
        assert_eq!(coarse(17, 5), [0, 4, 8, 12, 16]);
        assert_eq!(coarse(4, 3), [0, 2, 3]);
        assert_eq!(coarse(2, 9), [0, 1]);
        assert_eq!(coarse(1, 3), [0]);
        assert_eq!(coarse(3, 1), [0, 2]);
    }

    #[test]
    fn first_what_is_coarse_then_halves_then_nothing() {
        assert_eq!(next_of("................."), [0, 8, 16]);
        assert_eq!(next_of("c.......i.......i"), [4]);
        assert_eq!(next_of("c...c...i.......i"), [6]);
        assert_eq!(next_of("c...c.c.i.......i"), [7]);
        assert!(next_of("c...c.cii.......i").is_empty());
        assert!(is_complete(&row("c...c.cii.......i")));
    }

    #[test]
    fn an_open_point_is_gone_round_on_both_sides_and_never_measured_again() {
        assert_eq!(next_of("c.......?.......i"), [7, 9]);
        assert_eq!(next_of("c......c??......i"), [11]);
        assert_eq!(next_of("c......???......i"), [4, 12]);
        assert_eq!(next_of("c...?..???..i...i"), [2, 10]);
        let end = "c......c??.?i...i";
        assert!(next_of(end).is_empty());
        assert!(!is_complete(&row(end)), "the crossing is wider than a step");
        let wide = Crossing {
            below: 7,
            above: 12,
        };
        assert_eq!(crossings(&row(end)), [wide]);
    }

    #[test]
    fn how_far_a_side_reaches_towards_open_ends_comes_last() {
        assert_eq!(next_of("c.......?.......?"), [4]);
        assert_eq!(next_of("c...c...?.......?"), [6]);
        assert_eq!(next_of("c...?...?.......?"), [2]);
        assert_eq!(next_of("?.......i.......?"), [4, 12]);
        // Crossings first.
        assert_eq!(next_of("?.......c.......i"), [12]);
        // Between points of one side nothing shows that there is anything to find.
        assert!(next_of("i.......?.......i").is_empty());
        let mut noisy = row("c.......?.......?");
        for stage in 0.. {
            let Some(&at) = next(&noisy, &coarse(noisy.len(), 3)).first() else {
                assert_eq!(stage, 3, "half of 8 levels, of 4, of 2");
                break;
            };
            noisy[at] = Level::Open;
        }
        assert!(!is_complete(&noisy));
    }

    #[test]
    fn every_crossing_is_halved_in_the_same_stage() {
        assert_eq!(next_of("c.......i.......p"), [4, 12]);
        // A negligible cost and a free lock are the same side; so are two costs.
        assert!(next_of("i.......i.......i").is_empty());
        assert!(next_of("c.......c.......c").is_empty());
        assert!(next_of("?.......?.......?").is_empty());
        assert!(!is_complete(&row("?.......i.......i")), "an end is open");
    }
}
