package words

// The lists below have words as foldForeign writes them. Stop words are what callers wrap
// questions in: articles, pronouns, prepositions, question words, auxiliary verbs and courtesies.
// Synonyms are words of callers and pages for what a company does for its customers, and
// irregular forms.

const germanStopWords = `aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes auch auf aus
	bei beim bekomme bekommen bekommt bin bis bist bitte bitten brauche da dabei damit dann das dass dauern dauert dein deine dem den denn der des
	dessen die dies diese diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es etwas euch euer eure
	fur gab gebe geben geht gern gerne gibt guten hab habe haben hallo hat hatte hatten hier hin ich ihm ihn ihnen ihr ihre ihrem
	ihren ihrer ihres im in ins ist ja jede jedem jeden jeder jedes jetzt kann konnen konnte konnten lang lange machen mache macht
	mal man mein meine meinem meinen meiner meines mich mir mit mochte mochten muss mussen nach nein noch nun nur ob oder ohne sagen schon
	sehr sein seine seit sich sie sind so soll sollte sollen tun uber um und uns unser unsere unserem unseren unserer unter viel
	viele vielen vom von vor wann war waren warum was welche welchem welchen welcher welches wem wen wenn wer werde werden weshalb wie
	wieder wieso wieviel will wir wird wissen wo wohin wollen wollte woher wurde wurden zu zum zur zuruck`

const germanSuffixes = `ungen ung sten stes ste est ern em en er es et ten te e s t n`

var germanSynonyms = []string{
	"offnen geoffnet offen offnungszeit offnungszeiten",
	"schliessen geschlossen ladenschluss",
	"laden geschaft geschafte filiale markt",
	"kosten preis preise teuer gebuhr gebuhren",
	"versand liefern geliefert lieferung versenden verschicken versandkosten lieferkosten porto",
	"paket packchen sendung",
	"erstatten erstattung ruckerstattung erstattet",
	"ruckgabe zuruckgeben zurucksenden zuruckschicken rucksendung retoure umtauschen umtausch",
	"zahlen zahlung bezahlen bezahlung zahlungsart",
	"passwort kennwort",
	"adresse anschrift",
	"andern anderung geandert wechseln",
	"garantie gewahrleistung",
	"defekt kaputt beschadigt",
	"kundigen kundigung gekundigt",
	"bestellen bestellung bestellt auftrag",
	"rechnung beleg quittung",
	"telefon handy telefonnummer",
}

const frenchStopWords = `a ai aie alors apres as au aucun aussi autre autres aux avant avec avez avoir avons bien bonjour ca car ce ceci cela ces
	cet cette chez ci combien comme comment d dans de des dois doit donc du dure durent elle elles en encore est et ete etes etre eu faire fait faites
	faut font il ils j je l la le les leur leurs lors lui m ma mais me merci mes moi mon n ne ni non nos notre nous on ont ou oui par
	parce pas peut peux plait plus pour pourquoi pourrais pouvez pouvoir puis qu quand que quel quelle quelles quels qui quoi s sa sans
	savoir se sera serai seront ses si sil soit son sont souhaite sous sur suis t ta te temps tes toi ton tous tout toute toutes tres tu un
	une va vais veut veux vers vos votre voudrais voulez vous y`

const frenchSuffixes = `issements issement ements ement ations ation aient ions ons ait ent ant ees ee ez er ir re es e s`

var frenchSynonyms = []string{
	"ouvrir ouvert ouverte ouverture ouvertures horaire horaires",
	"fermer ferme fermeture",
	"magasin boutique",
	"prix cout couter cher tarif frais",
	"livrer livraison livraisons envoi envoyer expedition expedier",
	"colis paquet",
	"retour retourner renvoyer rendre",
	"rembourser remboursement",
	"payer paiement regler reglement",
	"changer changement modifier modification",
	"casse abime defectueux panne",
	"annuler annulation resilier resiliation",
	"commande commander achat acheter",
	"facture recu",
	"telephone portable",
}

const spanishStopWords = `a ademas al algo algun alguna ante aqui asi aun aunque bien buenas buenos cada como con cual cuales cuando cuanta cuantas
	cuanto cuantos de debe debo del desde donde dos dura duran durante durar e el ella ellas ellos en entre era eran es esa esas ese eso esos esta estan estar
	estas este esto estos estoy favor fue gracias ha habia hace hacer haces hacen hago han hasta hay he hemos hola hora horas ir la las le les lo los
	mas me mi mis mucha mucho muy nada ni no nos nosotros nuestra nuestras nuestro nuestros o para pero poco podria por porque
	pueda puede pueden puedo pues que quien quienes quiere quiero quisiera saber se sea ser si sin sobre sois solo somos son soy su
	sus tal tambien tan tanto tarda tardan tardar te tendra tengo tener ti tiene tienen todo todos tu tus u un una unas uno unos usted ustedes va van vosotros
	voy y ya yo`

const spanishSuffixes = `aciones acion iciones icion imiento amientos amiento adas ados idas idos ada ado ida ido amos emos imos ando iendo
	an en ar er ir as es is os a e o s`

var spanishSynonyms = []string{
	"abrir abierto abierta abiertos abiertas apertura horario horarios",
	"cerrar cierra cierran cierro cierre",
	"tienda local",
	"precio cuesta cuestan coste costar caro tarifa gasto gastos",
	"envio enviar entrega entregar",
	"paquete pedido",
	"devolver devuelvo devuelve devuelven devolucion devoluciones",
	"reembolsar reembolso",
	"pagar pago",
	"cambiar cambio modificar",
	"roto averiado defectuoso",
	"cancelar cancelacion anular",
	"comprar compra",
	"factura recibo",
	"telefono movil",
}
