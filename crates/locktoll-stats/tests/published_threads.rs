use locktoll_stats::usl::{Point, Replicates, fit};
#[test]
fn show() {
    let text = include_str!("fixtures/threads-n1466-n1467.csv");
    let mut all: std::collections::BTreeMap<String, Vec<Point>> = Default::default();
    for line in text.lines().skip(1) {
        let f: Vec<&str> = line.split(',').collect();
        let (mean, sd): (f64, f64) = (f[3].parse().unwrap(), f[4].parse().unwrap());
        for (block, z) in [-2.0_f64, -1.0, 0.0, 1.0, 2.0].iter().enumerate() {
            all.entry(format!("{} {}", f[0], f[1])).or_default().push(Point {
                threads: f[2].parse().unwrap(),
                block: block as u64,
                throughput: mean + sd * z / 2.5_f64.sqrt(),
            });
        }
    }
    for (name, points) in all {
        println!("{name}: {:#?}", fit(&points, Replicates::Independent, 0.95, 1));
    }
}
