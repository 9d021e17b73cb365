//! Holds the page "How far it goes" to its model, in both languages: the predictions follow from the constants, the constants
//! from the measured points, and the figures of the text from the constants.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]

use regex::Regex;
use tests::repository::read;
use tests::scale::{AcceptLimits, ComparedPoint, check_predictions, run_rate, turnaround};

/// How much the rounding of the constants may change a prediction.
const ROUNDING: f64 = 0.02;

/// The words of a language.
struct Words {
    language: &'static str,
    accept: &'static str,
    run: &'static str,
    gives_constants: &'static str,
}

const ENGLISH: Words =
    Words { language: "en", accept: "accept, ", run: "run, ", gives_constants: "gives constants" };
const KOREAN: Words =
    Words {
        language: "ko", accept: "접수, ", run: "실행, ", gives_constants: "상수의 근거"
    };

/// A point of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
enum PublishedPoint {
    Accept { replicas: u32, connections: u32 },
    Run { replicas: u32, concurrency: u32, milliseconds: u32 },
}

/// A row of the table of points.
#[derive(Debug, PartialEq)]
struct PublishedRow {
    point: PublishedPoint,
    measured: f64,
    model: f64,
    /// In percent; `None` if the point gives constants.
    difference: Option<f64>,
}

/// The table of constants.
#[derive(Debug, PartialEq)]
struct Constants {
    single_ms: f64,
    limit: f64,
    /// With 1, 2 and 4 replicas.
    turnarounds_ms: [f64; 3],
    /// To accept a delivery and to run it, in the program and in PostgreSQL.
    program_us: [f64; 2],
    database_us: [f64; 2],
    waiting_kib: f64,
}

/// What the page says.
struct Published {
    text: String,
    rows: Vec<PublishedRow>,
    constants: Constants,
}

fn number(text: &str) -> f64 {
    let number = text.trim().trim_end_matches(" %").replace(',', "").parse();
    assert!(number.is_ok(), "{text:?}");
    number.unwrap()
}

/// Returns the whole numbers in a text.
fn whole_numbers(text: &str) -> Vec<u32> {
    let digits = text.split(|letter: char| !letter.is_ascii_digit());
    digits.filter(|digits| !digits.is_empty()).map(|digits| digits.parse().unwrap()).collect()
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.strip_prefix("| ")?.strip_suffix(" |")?;
    Some(row.split(" | ").collect())
}

impl Published {
    fn read(words: &Words) -> Self {
        let text = read(format!("docs/{}/how-far-it-goes.md", words.language));
        let lines = || text.lines().filter_map(cells);
        let row = |cells: Vec<&str>| {
            let [point, measured, model, difference] = cells[..] else { return None };
            let numbers = whole_numbers(point);
            let point = if point.starts_with(words.accept) {
                PublishedPoint::Accept { replicas: numbers[0], connections: numbers[1] }
            } else if point.starts_with(words.run) {
                let [replicas, concurrency, milliseconds] = numbers[..] else { return None };
                PublishedPoint::Run { replicas, concurrency, milliseconds }
            } else {
                return None;
            };
            let gives_constants = difference == words.gives_constants;
            let difference = (!gives_constants).then(|| number(difference));
            Some(PublishedRow {
                point,
                measured: number(measured),
                model: number(model),
                difference,
            })
        };
        let rows: Vec<_> = lines().filter_map(row).collect();
        assert_eq!(rows.len(), 18, "{}", words.language);
        // Those are the only rows with a name and a number.
        let is_number = |cell: &str| cell.starts_with(|first: char| first.is_ascii_digit());
        let values = lines().filter(|cells| cells.len() == 2 && is_number(cells[1]));
        let values: Vec<_> = values.map(|cells| number(cells[1])).collect();
        assert_eq!(values.len(), 10, "{}", words.language);
        let constants = Constants {
            single_ms: values[0],
            limit: values[1],
            turnarounds_ms: [values[2], values[3], values[4]],
            program_us: [values[5], values[7]],
            database_us: [values[6], values[8]],
            waiting_kib: values[9],
        };
        Self { rows, constants, text }
    }

    /// Returns what was measured at a point.
    fn measured(&self, point: PublishedPoint) -> f64 {
        self.rows.iter().find(|row| row.point == point).map(|row| row.measured).unwrap()
    }

    fn contains(&self, text: &str) {
        // The lines of the page are wrapped.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&self.text).contains(text), "the page does not say: {text}");
    }
}

impl Constants {
    /// Returns the seconds between two runs in a slot.
    fn turnaround(&self, replicas: u32) -> f64 {
        self.turnarounds_ms[replicas.ilog2() as usize] / 1e3
    }

    fn predict(&self, point: PublishedPoint) -> f64 {
        match point {
            PublishedPoint::Accept { connections, .. } => {
                AcceptLimits { single: self.single_ms / 1e3, limit: self.limit }.rate(connections)
            }
            PublishedPoint::Run { replicas, concurrency, milliseconds } => {
                let seconds = f64::from(milliseconds) / 1e3;
                run_rate(concurrency, seconds, self.turnaround(replicas))
            }
        }
    }
}

#[test]
fn the_published_predictions_follow_from_the_published_constants() {
    let page = Published::read(&ENGLISH);
    for PublishedRow { point, model, .. } in &page.rows {
        let predicted = page.constants.predict(*point);
        assert!((predicted / model - 1.0).abs() < ROUNDING, "{point:?}: {predicted}, not {model}");
    }
}

#[test]
fn the_published_constants_follow_from_the_points_that_give_them() {
    let page = Published::read(&ENGLISH);
    let accepted = |connections| {
        (connections, page.measured(PublishedPoint::Accept { replicas: 1, connections }))
    };
    let limits = AcceptLimits::through(accepted(4), accepted(64));
    assert_eq!(format!("{:.2}", limits.single * 1e3), format!("{:.2}", page.constants.single_ms));
    assert!((limits.limit / page.constants.limit - 1.0).abs() < 1e-3, "{limits:?}");
    for (replicas, published) in [1, 2, 4].into_iter().zip(page.constants.turnarounds_ms) {
        let point = PublishedPoint::Run { replicas, concurrency: 16, milliseconds: 0 };
        let milliseconds = turnaround(16, page.measured(point)) * 1e3;
        assert_eq!(format!("{milliseconds:.1}"), format!("{published:.1}"), "{replicas} replicas");
    }
    for PublishedRow { point, measured, model, difference } in &page.rows {
        let gives_constants = match point {
            PublishedPoint::Accept { replicas, connections } => {
                *replicas == 1 && [4, 64].contains(connections)
            }
            PublishedPoint::Run { milliseconds, .. } => *milliseconds == 0,
        };
        assert_eq!(difference.is_none(), gives_constants, "{point:?}");
        assert!(!gives_constants || measured == model, "{point:?}");
    }
}

#[test]
fn the_published_differences_are_right_and_within_the_bound() {
    let page = Published::read(&ENGLISH);
    for PublishedRow { point, measured, model, difference } in &page.rows {
        let Some(difference) = difference else { continue };
        // All three are rounded.
        let percent = |model: f64, measured: f64| (model / measured - 1.0) * 100.0;
        let lowest = percent(model - 0.5, measured + 0.5) - 0.5;
        let highest = percent(model + 0.5, measured - 0.5) + 0.5;
        assert!((lowest..=highest).contains(difference), "{point:?}: {lowest} to {highest}");
    }
    let compared = page.rows.iter().map(|row| ComparedPoint {
        name: format!("{:?}", row.point),
        measured: row.measured,
        model: row.model,
        gives_constants: row.difference.is_none(),
    });
    assert_eq!(check_predictions(&compared.collect::<Vec<_>>()), Ok(()));
}

#[test]
fn both_languages_publish_the_same_numbers() {
    let (english, korean) = (Published::read(&ENGLISH), Published::read(&KOREAN));
    assert_eq!(english.rows, korean.rows);
    assert_eq!(english.constants, korean.constants);
}

#[test]
fn the_figures_of_the_text_follow_from_the_constants() {
    let (english, korean) = (Published::read(&ENGLISH), Published::read(&KOREAN));
    let constants = &english.constants;
    let turnaround = constants.turnaround(1);
    let runs = run_rate(16, 1.5, turnaround);
    let [program, database] = [constants.program_us, constants.database_us];
    let sum = |[accept, run]: [f64; 2]| format!("{accept} + {run} = {}", accept + run);
    let kib = constants.waiting_kib;
    let held = 10.0 * 1024.0 * 1024.0 / kib;
    let millions = format!("{:.1}", held / 1e6);
    let each_second = format!("{:.1}", held / (7.0 * 86_400.0));

    english.contains(&format!("16 / (1.5 + {turnaround}) = {runs:.1} deliveries/s"));
    english.contains(&format!("{} µs of CPU in the program", sum(program)));
    english.contains(&format!("{} µs in PostgreSQL", sum(database)));
    english.contains(&format!("10 GiB / {kib} KiB = {millions} million deliveries"));
    english.contains(&format!("which is {each_second}/s for 7 days"));
    english.contains(&format!("| {each_second} deliveries/s on average"));

    korean.contains(&format!("16 / (1.5 + {turnaround}) = 초당 {runs:.1}건"));
    korean.contains(&format!("프로그램에서 {} µs", sum(program)));
    korean.contains(&format!("PostgreSQL에서 {} µs", sum(database)));
    korean.contains(&format!("10 GiB / {kib} KiB = {:.0}만 건", number(&millions) * 100.0));
    korean.contains(&format!("7일로 나누면 초당 {each_second}건"));
    korean.contains(&format!("평균 초당 {each_second}건"));

    // What the CPU of one core suffices for, roughly: of the program, and of PostgreSQL.
    for (page, rate) in [
        (&english, r"about ([\d,]+) deliveries/s for each core"),
        (&korean, r"코어마다 초당 약 ([\d,]+)건"),
    ] {
        let rate = Regex::new(rate).unwrap();
        let rates: Vec<_> = rate.captures_iter(&page.text).map(|rate| number(&rate[1])).collect();
        let expected = [program, database].map(|[accept, run]| 1e6 / (accept + run));
        assert_eq!(rates.len(), expected.len(), "{rates:?}");
        for (rate, expected) in rates.into_iter().zip(expected) {
            assert!((rate / expected - 1.0).abs() < 0.1, "{rate}, not {expected}");
        }
    }
}
