package spoken

import (
	"strconv"
	"strings"

	"frontdesk/internal/words"
)

var spanishMonths = []string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}

// decimalPoint are the Spanish-speaking countries that write 1,234.50.
var decimalPoint = words.NewSet("es-mx es-us es-pr es-gt es-hn es-ni es-pa es-sv es-do es-pe es-419")

var spanish = table{
	decimal: ",", group: ".", point: "coma", to: "a", number: "número", plus: "más", minus: "menos",
	digits: [10]string{"cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"},
	units: map[string][2]string{
		"%": {"por ciento", "por ciento"}, "°C": {"grado Celsius", "grados Celsius"}, "ºC": {"grado Celsius", "grados Celsius"}, "°": {"grado", "grados"},
		"km/h": {"kilómetro por hora", "kilómetros por hora"}, "km": {"kilómetro", "kilómetros"}, "m²": {"metro cuadrado", "metros cuadrados"},
		"m": {"metro", "metros"}, "cm": {"centímetro", "centímetros"}, "mm": {"milímetro", "milímetros"}, "kg": {"kilogramo", "kilogramos"},
		"g": {"gramo", "gramos"}, "mg": {"miligramo", "miligramos"}, "l": {"litro", "litros"}, "ml": {"mililitro", "mililitros"},
		"GB": {"gigabyte", "gigabytes"}, "MB": {"megabyte", "megabytes"}, "TB": {"terabyte", "terabytes"}, "GHz": {"gigahercio", "gigahercios"},
		"MHz": {"megahercio", "megahercios"}, "kWh": {"kilovatio hora", "kilovatios hora"}, "kW": {"kilovatio", "kilovatios"}, "W": {"vatio", "vatios"},
		"V": {"voltio", "voltios"}, "min": {"minuto", "minutos"}, "seg": {"segundo", "segundos"},
	},
	currencies: map[string]currency{
		"€": {"euro", "euros", "céntimo", "céntimos"}, "EUR": {"euro", "euros", "céntimo", "céntimos"}, "$": {"dólar", "dólares", "centavo", "centavos"},
		"£": {"libra", "libras", "penique", "peniques"}, "MXN": {"peso", "pesos", "centavo", "centavos"},
	},
	cents: func(n string) string { return " con " + n },
	signs: strings.NewReplacer("@", " arroba ", ".", " punto ", "/", " barra ", "-", " guion ", "_", " guion bajo ", "+", " más "),
	abbreviations: map[string]string{
		"Sr.": "Señor", "Sra.": "Señora", "Srta.": "Señorita", "Dr.": "Doctor", "Dra.": "Doctora", "Ud.": "usted", "Uds.": "ustedes", "p. ej.": "por ejemplo",
		"etc.": "etcétera", "aprox.": "aproximadamente", "máx.": "como máximo", "mín.": "como mínimo", "tel.": "teléfono", "Tel.": "Teléfono",
		"n.º": "número", "nº": "número", "núm.": "número", "Núm.": "Número", "avda.": "avenida", "Avda.": "Avenida", "Av.": "Avenida", "C/ ": "calle ",
		"pág.": "página", "EE. UU.": "Estados Unidos",
	},
	references: `pedido|ticket|factura|referencia|expediente|código|cliente|extensión|habitación|reserva`,
	date: func(day, month, year int) string {
		out := spanishDay(day) + " de " + spanishMonths[month-1]
		if year != 0 {
			out += " de " + strconv.Itoa(year)
		}
		return out
	},
	clock: sayTwoNumbers,
	first: []rule{
		replaceFunc(`\b([01]?\d|2[0-3]):([0-5]\d)\s?(?:h\b\.?|horas\b)`, func(m []string) string { return sayTwoNumbers(atoi(m[1]), atoi(m[2])) + " horas" }),
		replace(`\b([01]?\d|2[0-3]) ?h\b`, "${1} horas"),
		replaceFunc(`\b(?:(\d{1,2}):([0-5]\d)|(\d{1,2}))\s?([ap])\. ?m\.`, func(m []string) string {
			half := map[string]string{"a": " de la mañana", "p": " de la tarde"}[m[4]]
			if m[3] != "" {
				return m[3] + half
			}
			return sayTwoNumbers(atoi(m[1]), atoi(m[2])) + half
		}),
		replace(`\b1 de (enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)`, "primero de ${1}"),
		replaceFunc(`\b(\d{1,2})\.?([ºª])`, func(m []string) string { return spanishOrdinal(atoi(m[1]), m[2] == "ª") }),
	},
	second: []rule{
		replace(`\s*&\s*`, " y "),
		replace(`(\pL)/(\pL)`, "${1} o ${2}"),
		replace(`(\d)\s*[x×]\s*(\d)`, "${1} por ${2}"),
	},
}

func spanishDay(day int) string {
	if day == 1 {
		return "primero"
	}
	return strconv.Itoa(day)
}

// sayTwoNumbers reads a time of day: "14 30", and "9" for nine o'clock.
func sayTwoNumbers(hour, minute int) string {
	switch {
	case minute == 0:
		return strconv.Itoa(hour)
	case minute < 10:
		return strconv.Itoa(hour) + " cero " + strconv.Itoa(minute)
	}
	return strconv.Itoa(hour) + " " + strconv.Itoa(minute)
}

// spanishOrdinals are the ordinals to ten, which alone are common, without their last letter.
var spanishOrdinals = []string{"", "primer", "segund", "tercer", "cuart", "quint", "sext", "séptim", "octav", "noven", "décim"}

func spanishOrdinal(n int, isFeminine bool) string {
	switch {
	case n < 1 || n >= len(spanishOrdinals):
		return strconv.Itoa(n)
	case isFeminine:
		return spanishOrdinals[n] + "a"
	}
	return spanishOrdinals[n] + "o"
}
