//! How often a report repeats: the grid of due times of each monitor.
//!
//! A grid depends on the cadence and on the monitor, and on nothing that happened: a late, early or
//! extra run never moves it, and slots that were missed while the service was down are skipped, so
//! that a restart sends no burst. The spread gives each monitor its own lasting place within a slot.
//!
//! Cron patterns are read in the schedule's time zone. The pattern is walked over the clock on the
//! wall, and each slot is then turned into an instant: a slot that the clocks skip in spring runs
//! later by what they skipped, a slot that they pass twice in autumn runs the first time only. So
//! each slot runs exactly once; two slots that fall on one instant are one.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use serde::Serialize;

/// The clocks of a time zone change at most once within this time.
const CALM: TimeDelta = TimeDelta::hours(26);

/// What a cadence may not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CadenceFault {
    /// An interval out of bounds.
    #[error("accepted is a duration from 1m to 3650d")]
    Interval,
    /// More spread than interval, or more than any cadence may have.
    #[error("accepted is a duration no longer than the interval, at most 3650d")]
    Spread,
    /// Not a pattern, or one that no day of the calendar answers.
    #[error(
        "accepted is a cron pattern of five fields (minute, hour, day, month, weekday) that some day answers"
    )]
    Pattern,
}

/// A cron pattern of five fields that has a next slot.
#[derive(Clone, Debug)]
pub struct CronPattern {
    text: String,
    cron: Box<Cron>,
}

impl CronPattern {
    /// The pattern as it was written, fields parted by one space.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The pattern with a leading field for the second, as schedulers of six fields want it.
    pub fn with_seconds(&self) -> String {
        format!("0 {}", self.text)
    }

    /// The first slot after an instant, on the clock of UTC; none beyond the end of the calendar.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        slot_instant_after(self, Tz::UTC, after)
    }

    /// The first slot after `naive`, which must be a whole second.
    fn slot_after(&self, naive: NaiveDateTime) -> Option<NaiveDateTime> {
        self.cron.find_next_occurrence(&naive.and_utc(), false).ok().map(|slot| slot.naive_utc())
    }
}

impl FromStr for CronPattern {
    type Err = CadenceFault;

    fn from_str(text: &str) -> Result<Self, CadenceFault> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != 5 {
            return Err(CadenceFault::Pattern);
        }
        let text = fields.join(" ");
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(&text).map_err(|_| CadenceFault::Pattern)?;
        let pattern = Self { text, cron: Box::new(cron) };
        pattern.slot_after(DateTime::UNIX_EPOCH.naive_utc()).ok_or(CadenceFault::Pattern)?;
        Ok(pattern)
    }
}

impl PartialEq for CronPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronPattern {}

impl fmt::Display for CronPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for CronPattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// How often a report repeats. Never shorter than [`Cadence::SHORTEST`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cadence {
    rhythm: Rhythm,
    spread: Duration,
}

/// What repeats, before it is spread.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rhythm {
    Every(Duration),
    Cron { pattern: CronPattern, zone: Tz },
}

impl Cadence {
    /// The shortest interval that is accepted.
    pub const SHORTEST: Duration = Duration::from_mins(1);

    /// The longest interval and the longest spread that are accepted.
    pub const LONGEST: Duration = Duration::from_hours(3650 * 24);

    /// Repeats at a fixed interval. The spread is the whole interval unless given.
    pub fn every(interval: Duration, spread: Option<Duration>) -> Result<Self, CadenceFault> {
        if !(Self::SHORTEST..=Self::LONGEST).contains(&interval) {
            return Err(CadenceFault::Interval);
        }
        let spread = spread.unwrap_or(interval);
        if spread > interval {
            return Err(CadenceFault::Spread);
        }
        Ok(Self { rhythm: Rhythm::Every(interval), spread })
    }

    /// Repeats at the slots of a cron pattern in a time zone. There is no spread unless given.
    pub fn cron(pattern: CronPattern, zone: Tz, spread: Option<Duration>) -> Result<Self, CadenceFault> {
        let spread = spread.unwrap_or_default();
        if spread > Self::LONGEST {
            return Err(CadenceFault::Spread);
        }
        Ok(Self { rhythm: Rhythm::Cron { pattern, zone }, spread })
    }

    /// How far apart the monitors of one slot may lie.
    pub const fn spread(&self) -> Duration {
        self.spread
    }

    /// The fixed interval; none of a cron pattern.
    pub const fn interval(&self) -> Option<Duration> {
        match &self.rhythm {
            Rhythm::Every(interval) => Some(*interval),
            Rhythm::Cron { .. } => None,
        }
    }

    /// The same with another spread.
    pub fn spread_over(&self, spread: Duration) -> Result<Self, CadenceFault> {
        match &self.rhythm {
            Rhythm::Every(interval) => Self::every(*interval, Some(spread)),
            Rhythm::Cron { pattern, zone } => Self::cron(pattern.clone(), *zone, Some(spread)),
        }
    }

    /// The beginning of the first slot strictly after `after`: the monitors of a slot run from there on, over the
    /// spread. The last time of the calendar where there is none.
    pub fn next_slot(&self, after: DateTime<Utc>) -> DateTime<Utc> {
        self.due_after(0, after)
    }

    /// The first due time of `monitor` strictly after `after`.
    ///
    /// `monitor` is a lasting hash of the monitor's id; it fixes where in the spread the monitor lies.
    pub fn next_due(&self, monitor: u64, after: DateTime<Utc>) -> DateTime<Utc> {
        self.due_after(offset_millis(monitor, self.spread), after)
    }

    /// The first time strictly after `after` that lies `offset` milliseconds after the beginning of a slot.
    fn due_after(&self, offset: i64, after: DateTime<Utc>) -> DateTime<Utc> {
        match &self.rhythm {
            Rhythm::Every(interval) => {
                let interval = millis(*interval);
                let passed = (after.timestamp_millis() - offset).div_euclid(interval);
                DateTime::from_timestamp_millis(offset + (passed + 1) * interval)
            }
            Rhythm::Cron { pattern, zone } => {
                let offset = TimeDelta::milliseconds(offset);
                after
                    .checked_sub_signed(offset)
                    .and_then(|after| slot_instant_after(pattern, *zone, after))
                    .and_then(|slot| slot.checked_add_signed(offset))
            }
        }
        // Only beyond the end of the calendar is there no next slot: such a monitor never runs.
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rhythm {
            Rhythm::Every(interval) => write!(f, "every {}", humantime::format_duration(*interval))?,
            Rhythm::Cron { pattern, zone } => write!(f, "at {pattern} in {zone}")?,
        }
        write!(f, ", spread over {}", humantime::format_duration(self.spread))
    }
}

impl Serialize for Cadence {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The earliest instant after `after` that a slot of the pattern is turned into.
fn slot_instant_after(pattern: &CronPattern, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // Slots that the clocks skipped just now were moved forward by what was skipped: look back so far.
    let skipped =
        (utc_offset(zone, after) - utc_offset(zone, after.checked_sub_signed(CALM)?)).max(TimeDelta::zero());
    let wall = after.with_timezone(&zone).naive_local().with_nanosecond(0)?;
    let mut slot = wall.checked_sub_signed(skipped)?;
    let mut moved: Option<DateTime<Utc>> = None;
    loop {
        slot = pattern.slot_after(slot)?;
        match zone.from_local_datetime(&slot).earliest() {
            Some(instant) if instant > after => {
                let instant = instant.with_timezone(&Utc);
                return Some(moved.map_or(instant, |moved| moved.min(instant)));
            }
            Some(_) => {}
            // In a gap: a slot after the gap may still come before this one.
            None => {
                let before = utc_offset(zone, (slot - CALM).and_utc());
                let instant = (slot - before).and_utc();
                if instant > after {
                    moved = Some(moved.map_or(instant, |moved| moved.min(instant)));
                }
            }
        }
    }
}

/// How far the clocks of `zone` are ahead of UTC at an instant.
fn utc_offset(zone: Tz, at: DateTime<Utc>) -> TimeDelta {
    let seconds = zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    TimeDelta::seconds(i64::from(seconds))
}

/// The monitor's lasting place in `[0, spread)`, evenly distributed over monitors.
fn offset_millis(monitor: u64, spread: Duration) -> i64 {
    let place = (u128::from(mixed(monitor)) * spread.as_millis()) >> 64;
    i64::try_from(place).expect("a spread is at most 3650 days")
}

/// Spreads nearby numbers over all of `u64` (the finaliser of SplitMix64): hashes may be plain counts.
const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("an interval is at most 3650 days")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::Datelike;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn cron(pattern: &str, zone: Tz, spread: Option<Duration>) -> Cadence {
        Cadence::cron(pattern.parse().unwrap(), zone, spread).unwrap()
    }

    /// The due times after `from` and before `to`, as UTC minutes of a day or more.
    fn walk(cadence: &Cadence, monitor: u64, from: &str, to: &str) -> Vec<DateTime<Utc>> {
        let (mut due, to, mut all) = (at(from), at(to), Vec::new());
        loop {
            let next = cadence.next_due(monitor, due);
            assert!(next > due, "{next} is not after {due}");
            due = next;
            if due >= to {
                return all;
            }
            all.push(due);
        }
    }

    fn minutes(times: &[DateTime<Utc>]) -> Vec<String> {
        times.iter().map(|time| time.format("%dT%H:%M").to_string()).collect()
    }

    #[test]
    fn a_daily_slot_in_the_spring_gap_runs_once_and_later_by_what_was_skipped() {
        let berlin = cron("30 2 * * *", Tz::Europe__Berlin, None);
        assert_eq!(
            minutes(&walk(&berlin, 1, "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z")),
            ["28T01:30", "29T01:30", "30T00:30"]
        );
        let york = cron("30 2 * * *", Tz::America__New_York, None);
        assert_eq!(
            minutes(&walk(&york, 1, "2026-03-07T00:00:00Z", "2026-03-10T00:00:00Z")),
            ["07T07:30", "08T07:30", "09T06:30"]
        );
    }

    #[test]
    fn a_daily_slot_in_the_autumn_overlap_runs_once_at_the_earlier_time() {
        let berlin = cron("30 2 * * *", Tz::Europe__Berlin, None);
        assert_eq!(
            minutes(&walk(&berlin, 1, "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z")),
            ["24T00:30", "25T00:30", "26T01:30"]
        );
        let york = cron("30 1 * * *", Tz::America__New_York, None);
        assert_eq!(
            minutes(&walk(&york, 1, "2026-10-31T00:00:00Z", "2026-11-03T00:00:00Z")),
            ["31T05:30", "01T05:30", "02T06:30"]
        );
    }

    #[test]
    fn slots_that_meet_on_one_instant_in_the_gap_are_one() {
        let berlin = cron("*/30 * * * *", Tz::Europe__Berlin, None);
        assert_eq!(
            minutes(&walk(&berlin, 1, "2026-03-28T23:59:00Z", "2026-03-29T03:00:00Z")),
            ["29T00:00", "29T00:30", "29T01:00", "29T01:30", "29T02:00", "29T02:30"]
        );
    }

    #[test]
    fn slots_of_the_second_pass_through_an_overlap_do_not_run_again() {
        let berlin = cron("*/30 * * * *", Tz::Europe__Berlin, None);
        assert_eq!(
            minutes(&walk(&berlin, 1, "2026-10-24T23:29:00Z", "2026-10-25T03:00:00Z")),
            ["24T23:30", "25T00:00", "25T00:30", "25T02:00", "25T02:30"]
        );
        let york = cron("*/30 * * * *", Tz::America__New_York, None);
        assert_eq!(
            minutes(&walk(&york, 1, "2026-11-01T04:29:00Z", "2026-11-01T08:00:00Z")),
            ["01T04:30", "01T05:00", "01T05:30", "01T07:00", "01T07:30"]
        );
    }

    #[test]
    fn clocks_that_change_by_half_an_hour_move_a_slot_by_half_an_hour() {
        // Lord Howe: +10:30 becomes +11 at 02:00 on 4 October 2026, and back at 02:00 on 5 April.
        let gap = cron("15 2 * * *", Tz::Australia__Lord_Howe, None);
        assert_eq!(
            minutes(&walk(&gap, 1, "2026-10-02T00:00:00Z", "2026-10-05T00:00:00Z")),
            ["02T15:45", "03T15:45", "04T15:15"]
        );
        let overlap = cron("45 1 * * *", Tz::Australia__Lord_Howe, None);
        assert_eq!(
            minutes(&walk(&overlap, 1, "2026-04-03T00:00:00Z", "2026-04-06T00:00:00Z")),
            ["03T14:45", "04T14:45", "05T15:15"]
        );
        let both = cron("*/15 * * * *", Tz::Australia__Lord_Howe, None);
        assert_eq!(walk(&both, 1, "2026-10-03T12:59:00Z", "2026-10-03T18:00:00Z").len(), 20);
        assert_eq!(walk(&both, 1, "2026-04-04T11:59:00Z", "2026-04-04T18:00:00Z").len(), 22);
    }

    #[test]
    fn every_local_day_of_a_year_has_its_slot_exactly_once() {
        let zones =
            [Tz::Europe__Berlin, Tz::America__New_York, Tz::Australia__Lord_Howe, Tz::Africa__Casablanca];
        for zone in zones {
            for pattern in ["30 2 * * *", "0 1 * * *", "45 1 * * *", "59 23 * * *", "0 0 * * *"] {
                let due = walk(&cron(pattern, zone, None), 1, "2025-12-31T12:00:00Z", "2027-01-01T12:00:00Z");
                let days: Vec<_> = due.iter().map(|due| due.with_timezone(&zone).date_naive()).collect();
                let unique: BTreeSet<_> = days.iter().filter(|day| day.year() == 2026).collect();
                assert_eq!(unique.len(), 365, "{zone} {pattern}");
                assert!(days.windows(2).all(|pair| pair[0] < pair[1]), "{zone} {pattern}");
            }
        }
    }

    #[test]
    fn a_due_time_does_not_depend_on_when_it_is_asked_for_between_two_slots() {
        let spread = Some(Duration::from_hours(3));
        for (pattern, zone) in [
            ("*/30 * * * *", Tz::Europe__Berlin),
            ("30 2 * * *", Tz::Europe__Berlin),
            ("15 2 * * *", Tz::Australia__Lord_Howe),
        ] {
            for monitor in 0..5 {
                let cadence = cron(pattern, zone, spread);
                for (from, to) in [
                    ("2026-03-27T00:00:00Z", "2026-04-07T00:00:00Z"),
                    ("2026-10-02T00:00:00Z", "2026-10-27T00:00:00Z"),
                ] {
                    let due = walk(&cadence, monitor, from, to);
                    for pair in due.windows(2) {
                        let middle = pair[0] + (pair[1] - pair[0]) / 2;
                        let last = pair[1] - TimeDelta::nanoseconds(1);
                        assert_eq!(cadence.next_due(monitor, middle), pair[1]);
                        assert_eq!(cadence.next_due(monitor, last), pair[1]);
                    }
                }
            }
        }
    }

    #[test]
    fn spread_moves_each_slot_by_the_same_offset_within_bounds() {
        let spread = Duration::from_hours(2);
        let plain = walk(
            &cron("0 3 * * *", Tz::Europe__Berlin, None),
            0,
            "2026-05-01T00:00:00Z",
            "2026-05-04T00:00:00Z",
        );
        let cadence = cron("0 3 * * *", Tz::Europe__Berlin, Some(spread));
        for monitor in 0..200 {
            let due = walk(&cadence, monitor, "2026-05-01T00:00:00Z", "2026-05-04T00:00:00Z");
            let offsets: BTreeSet<_> = due.iter().zip(&plain).map(|(due, slot)| *due - *slot).collect();
            assert_eq!((due.len(), offsets.len()), (3, 1));
            let offset = offsets.first().unwrap().to_std().unwrap();
            assert!(offset < spread, "{offset:?}");
        }
    }

    #[test]
    fn a_spread_longer_than_the_gap_between_slots_skips_none() {
        let cadence = cron("0 * * * *", Tz::UTC, Some(Duration::from_hours(5)));
        let due = walk(&cadence, 7, "2026-05-01T00:00:00Z", "2026-05-03T00:00:00Z");
        assert_eq!(due.len(), 48);
    }

    #[test]
    fn lateness_never_moves_the_grid_of_an_interval() {
        let cadence = Cadence::every(Duration::from_hours(6), None).unwrap();
        let first = cadence.next_due(9, at("2026-05-01T00:00:00Z"));
        let late = cadence.next_due(9, first + TimeDelta::minutes(77));
        assert_eq!(late - first, TimeDelta::hours(6));
        let after_a_week_down = cadence.next_due(9, first + TimeDelta::days(7) + TimeDelta::seconds(1));
        assert_eq!(after_a_week_down - first, TimeDelta::days(7) + TimeDelta::hours(6));
        assert_eq!(cadence.next_due(9, first - TimeDelta::nanoseconds(1)), first);
    }

    #[test]
    fn offsets_lie_evenly_over_the_spread_even_for_plain_counts() {
        let cadence = Cadence::every(Duration::from_hours(10), None).unwrap();
        let from = at("2026-05-01T00:00:00Z");
        let mut tenths = [0_u32; 10];
        for monitor in 0..10_000 {
            let wait = cadence.next_due(monitor, from) - from;
            assert!(wait > TimeDelta::zero() && wait <= TimeDelta::hours(10));
            tenths[usize::try_from((wait.num_milliseconds() - 1) / 3_600_000).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (900..1100).contains(count)), "{tenths:?}");
    }

    #[test]
    fn a_narrow_spread_keeps_an_interval_near_the_start_of_its_slot() {
        let cadence = Cadence::every(Duration::from_hours(6), Some(Duration::from_mins(10))).unwrap();
        for monitor in 0..100 {
            let wait = cadence.next_due(monitor, at("2026-05-01T05:59:59Z")) - at("2026-05-01T06:00:00Z");
            assert!((TimeDelta::zero()..TimeDelta::minutes(10)).contains(&wait), "{wait}");
        }
        let none = Cadence::every(Duration::from_hours(6), Some(Duration::ZERO)).unwrap();
        assert_eq!(none.next_due(3, at("2026-05-01T05:00:00Z")), at("2026-05-01T06:00:00Z"));
    }

    #[test]
    fn cadences_out_of_bounds_are_refused() {
        assert_eq!(Cadence::every(Duration::from_secs(59), None), Err(CadenceFault::Interval));
        assert_eq!(Cadence::every(Cadence::LONGEST * 2, None), Err(CadenceFault::Interval));
        let hour = Duration::from_hours(1);
        assert_eq!(Cadence::every(hour, Some(hour * 2)), Err(CadenceFault::Spread));
        for pattern in ["", "* * * *", "0 0 0 * * *", "61 * * * *", "@daily", "0 0 30 2 *", "a b c d e"] {
            assert_eq!(pattern.parse::<CronPattern>(), Err(CadenceFault::Pattern), "{pattern}");
        }
    }

    #[test]
    fn a_slot_of_leap_years_only_is_found_years_ahead() {
        let cadence = cron("0 0 29 2 *", Tz::UTC, None);
        assert_eq!(cadence.next_due(1, at("2096-03-01T00:00:00Z")), at("2104-02-29T00:00:00Z"));
    }

    #[test]
    fn a_cadence_reads_as_words() {
        let every = Cadence::every(Duration::from_hours(6), None).unwrap();
        assert_eq!(every.to_string(), "every 6h, spread over 6h");
        let nightly = cron("30  2 * * *", Tz::Europe__Berlin, Some(Duration::from_mins(10)));
        assert_eq!(nightly.to_string(), "at 30 2 * * * in Europe/Berlin, spread over 10m");
    }
}
