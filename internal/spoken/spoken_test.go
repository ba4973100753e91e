package spoken

import (
	"testing"
	"unicode/utf8"
)

// example is a text and its spoken form.
type example struct{ in, want string }

func check(t *testing.T, language string, examples []example) {
	t.Helper()
	for _, c := range examples {
		if got := Form(c.in, language); got != c.want {
			t.Errorf("%s: Form(%q)\n got %q\nwant %q", language, c.in, got, c.want)
		}
	}
}

func TestMarkup(t *testing.T) {
	check(t, "nl", []example{
		{"**Prijs**: `45` euro — [hier](https://x.example)", "Prijs: 45 euro, hier"},
		{"- First item\n- Second item", "First item Second item"},
		{"## Returns", "Returns"},
		{"1. Eerste\n2. Tweede", "Eerste Tweede"},
		{"<b>Vet</b> :-) 🙂", "Vet"},
		{"...", ""},
		{"", ""},
		{"🙂", ""},
	})
}

func TestEnglish(t *testing.T) {
	check(t, "en-US", []example{
		// Numbers that name something.
		{"Your ticket is T-48291532.", "Your ticket is T four eight two nine, one five three two."},
		{"Your ticket is T-1042.", "Your ticket is T one zero four two."},
		{"Order 47329 ships today.", "Order four seven three two nine ships today."},
		{"Order number 473 is here.", "Order number four seven three is here."},
		{"Your code is 0042.", "Your code is zero zero four two."},
		{"Ticket #1042, room 305", "Ticket one zero four two, room three zero five"},
		{"Section #3, No. 5", "Section number 3, number 5"},
		{"invoice 2026001", "invoice two zero two, six zero zero one"},
		// Amounts.
		{"It costs $45.50, or $1,200.", "It costs 45 dollars and 50 cents, or 1200 dollars."},
		{"That is $1.", "That is 1 dollar."},
		{"$0.05 and $0.99", "5 cents and 99 cents"},
		{"£3.01 and 20 EUR", "3 pounds and 1 penny and 20 euros"},
		{"$1,234,567.89", "1234567 dollars and 89 cents"},
		{"$3.5 million, €2bn, $40k", "3 point five million dollars, 2 billion euros, 40 thousand dollars"},
		{"$12345 or 12,345 units", "12345 dollars or 12345 units"},
		{"¥500 or 12.345 USD", "500 yen or 12 point three four five dollars"},
		// Times and dates.
		{"We are open 9am–5pm, Mon–Fri.", "We are open 9 A M to 5 P M, Monday to Friday."},
		{"From 9:30 am to 17:05", "From 9 30 A M to 5 oh 5 P M"},
		{"Open from 9 am. We close at 8 p.m. On Sunday at 5:30 p.m. we rest.", "Open from 9 A M. We close at 8 P M. On Sunday at 5 30 P M we rest."},
		{"At 8:00.", "At 8 o'clock."},
		{"At 0:15, 12:00", "At 12 15 A M, 12 o'clock"},
		{"On 2026-03-07 we close.", "On March seventh, twenty twenty-six we close."},
		{"On 3/7/2026", "On March seventh, twenty twenty-six"},
		{"On 13/45/2026", "On one three, four five, two zero two six"},
		{"March 3", "March third"},
		{"Jan. 21st, 1999", "January twenty-first, nineteen ninety-nine"},
		{"the 2nd of Sept. 2007", "the the second of September, two thousand seven"},
		{"12 May 1905", "the twelfth of May, nineteen oh five"},
		{"December 2030, since 1900, in 2000", "December twenty thirty, since nineteen hundred, in two thousand"},
		{"Thu, 4 pm", "Thursday, 4 P M"},
		{"We may 5 times, I sat down", "We may 5 times, I sat down"},
		{"We're here 24/7", "We're here 24 hours a day"},
		// Ordinals, fractions, ranges.
		{"the 1st, 2nd, 3rd, 12th, 20th, 23rd, 101st", "the first, second, third, twelfth, twentieth, twenty-third, one hundred first"},
		{"1/2 cup, 2 3/4 hours, 1½", "one half cup, 2 and three quarters hours, 1 and a half"},
		{"It takes 3-5 working days.", "It takes 3 to 5 working days."},
		{"pages 10–12, 5%-10%", "pages 10 to 12, 5 percent to 10 percent"},
		{"-5°C", "minus 5 degrees Celsius"},
		{"10 + 2, 18+", "10 plus 2, 18 plus"},
		{"3 x 4, 1080x720", "3 by 4, 1080 by 720"},
		// Units.
		{"20% off, 2.4 GHz", "20 percent off, 2 point four gigahertz"},
		{"It is 20 m wide, 1 kg, 0.5 l", "It is 20 meters wide, 1 kilogram, 0 point five liters"},
		{"100 Mbps, 60 mph, 5 ft", "100 megabits per second, 60 miles per hour, 5 feet"},
		{"1 h 30 min", "1 hour 30 minutes"},
		{"3.14159 and 1,000,000", "3 point one four one five nine and 1000000"},
		{"version 1.2.3, 192.168.1.10", "version 1 dot 2 dot 3, 192 dot 168 dot 1 dot 10"},
		// Addresses and telephone numbers.
		{"Write to help@willow-lane.example.", "Write to help at willow dash lane dot example."},
		{"john_doe99@mail.example.com", "john underscore doe 99 at mail dot example dot com"},
		{"See https://www.willowlane.example/returns?x=1 now", "See willowlane dot example slash returns now"},
		{"See [our returns page](https://x.example/y).", "See our returns page."},
		{"Follow @willow", "Follow at willow"},
		{"Call +1 555 010-0199.", "Call plus one, five five five, zero one zero, zero one nine nine."},
		{"(555) 010-0199 or 555-0199", "five five five, zero one zero, zero one nine nine or five five five, zero one nine nine"},
		{"800.555.0199", "eight zero zero, five five five, zero one nine nine"},
		{"at 5 10 15 20 minutes", "at 5 10 15 20 minutes"},
		// Abbreviations.
		{"Mr. Smith and Dr. Jones of 5 Oak St.", "Mister Smith and Doctor Jones of 5 Oak Street"},
		{"St. Mary lives on Elm Dr, near Park Ave.", "Saint Mary lives on Elm Drive, near Park Avenue"},
		{"e.g. a box, i.e. this, etc.", "for example a box, that is this, and so on"},
		{"approx. 5, max. 3, vs. us", "about 5, at most 3, versus us"},
		{"w/o tax, ext. 12", "without tax, extension 12"},
		{"Bring your ID and PIN. URLs, PDF", "Bring your I D and pin. U R L's, P D F"},
		{"Salt & pepper, and/or both", "Salt and pepper, and or or both"},
		// Other.
		{"**Important**: use `reset`", "Important: use reset"},
		{"Tea — or coffee – both 🙂", "Tea, or coffee, both"},
		{"\"Hello,\" she said", "Hello, she said"},
		{"I'm fine.", "I'm fine."},
		{"x = 5", "x, 5"},
	})
	check(t, "en-GB", []example{{"On 3/7/2026", "On July third, twenty twenty-six"}})
}

func TestGerman(t *testing.T) {
	check(t, "de-DE", []example{
		{"**Preis**: 45,50 € am 3.5. — [hier](https://x.example)", "Preis: 45 Euro 50 am dritten Mai, hier"},
		{"Das kostet 1.234,05 EUR oder 0,99 €.", "Das kostet 1234 Euro 5 oder 99 Cent."},
		{"Am 07.03.2026 um 14:30 Uhr", "Am siebten März 2026 um 14 Uhr 30"},
		{"der 1. Mai 1999, am 21. Dez. 2024", "der erste Mai neunzehnhundertneunundneunzig, am einundzwanzigsten Dezember 2024"},
		{"um 9.00 Uhr, 1:00", "um 9 Uhr, ein Uhr"},
		{"am 2. Tag, die 3. Stufe", "am zweiten Tag, die dritte Stufe"},
		{"2026-10-08", "achten Oktober 2026"},
		{"3,5 kg, 20 %, 1 l, 25°C", "3 Komma fünf Kilogramm, 20 Prozent, 1 Liter, 25 Grad Celsius"},
		{"3–5 Tage, 9-17 Uhr", "3 bis 5 Tage, 9 bis 17 Uhr"},
		{"Bestellung 47329, Ticket T-48291532", "Bestellung vier sieben drei zwei neun, Ticket T vier acht zwei neun, eins fünf drei zwei"},
		{"1.234.567 Kunden", "1234567 Kunden"},
		{"hilfe@firma.de", "hilfe ät firma Punkt de"},
		{"+49 30 1234567", "plus vier neun, drei null, eins zwei drei, vier fünf sechs sieben"},
		{"z. B. ca. 5, d.h. usw.", "zum Beispiel circa 5, das heißt und so weiter"},
		{"Hauptstr. 5, Nr. 3", "Hauptstraße 5, Nummer 3"},
		{"-5 °C", "minus 5 Grad Celsius"},
		{"Version 1.2.3", "Version 1 Punkt 2 Punkt 3"},
	})
}

func TestFrench(t *testing.T) {
	check(t, "fr-FR", []example{
		{"Cela coûte 45,50 € ou 1 234 €.", "Cela coûte 45 euros 50 ou 1234 euros."},
		{"Le 07/03/2026 à 14h30", "Le 7 mars 2026 à 14 heures 30"},
		{"le 1er mai, la 2e fois, le 9ème, le 21e", "le premier mai, la deuxième fois, le neuvième, le vingt et unième"},
		{"de 9 h à 17 h, 9:05", "de 9 heures à 17 heures, 9 heures 5"},
		{"20 %, 3,5 kg, 1 km", "20 pour cent, 3 virgule cinq kilogrammes, 1 kilomètre"},
		{"3-5 jours", "3 à 5 jours"},
		{"commande 47329", "commande quatre sept trois deux neuf"},
		{"aide@societe.fr", "aide arobase societe point fr"},
		{"01 23 45 67 89", "zéro un, deux trois, quatre cinq, six sept, huit neuf"},
		{"M. Dupont, p. ex. etc.", "Monsieur Dupont, par exemple et cetera"},
		{"n° 5, le 2026-01-01", "numéro 5, le premier janvier 2026"},
		{"Quoi ?", "Quoi?"},
	})
}

func TestSpanish(t *testing.T) {
	check(t, "es-ES", []example{
		{"Cuesta 45,50 € o 1.234 €.", "Cuesta 45 euros con 50 céntimos o 1234 euros."},
		{"El 07/03/2026 a las 14:30 h", "El 7 de marzo de 2026 a las 14 30 horas"},
		{"El 1 de enero, 9:05", "El primero de enero, 9 cero 5"},
		{"a las 5:30 p. m., 9 a.m.", "a las 5 30 de la tarde, 9 de la mañana"},
		{"la 2ª vez, el 3.º", "la segunda vez, el tercero"},
		{"20 %, 3,5 kg, 1 km", "20 por ciento, 3 coma cinco kilogramos, 1 kilómetro"},
		{"3-5 días", "3 a 5 días"},
		{"pedido 47329", "pedido cuatro siete tres dos nueve"},
		{"ayuda@empresa.es", "ayuda arroba empresa punto es"},
		{"+34 912 345 678", "más tres cuatro, nueve uno dos, tres cuatro cinco, seis siete ocho"},
		{"Sr. López, p. ej. n.º 5", "Señor López, por ejemplo número 5"},
	})
	check(t, "es-MX", []example{{"Cuesta $1,234.50", "Cuesta 1234 dólares con 50 centavos"}})
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"T-1042", "$45.50", "9am–5pm", "a@b.example", "https://x.example/?q", "**x**", "\xff\x00", "1,000,000.00 €", "+1 (555) 010-0199", "3.5. um 9.00 Uhr", "1er à 14h30", "2ª n.º 5", "Jan. 21st, 1999", "1½ 3/4", "2026-03-07"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, language := range []string{"", "en-GB", "de", "fr", "es", "es-MX", "nl"} {
			out := Form(s, language)
			if !utf8.ValidString(out) {
				t.Errorf("Form returned invalid UTF-8: %q", out)
			}
			if len(out) > maxSpoken {
				t.Errorf("Form made %d bytes into %d", len(s), len(out))
			}
			for _, r := range out {
				if r < ' ' || r == 0x7f {
					t.Fatalf("control character in %q", out)
				}
			}
		}
	})
}

func BenchmarkForm(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Form("Your order 47329 for $45.50 arrives on March 7th between 9 am and 5 pm, at 12 Oak St.", "en-US")
	}
}
