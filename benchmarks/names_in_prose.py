"""What the optional model of names finds and costs: `python -m benchmarks.names_in_prose`, with the extra.

Sentences hold a name of one of six cultures each, or none. Printed: of persons the share that is counted, how
many are counted in a hundred sentences without any, and processor time for a thousand characters.
"""

import random
import time

from caveat.screens.name_model import load
from caveat.screens.named import LEAST, MOST, PersonsScreen

_NAMES = {
    "English": ("Grace Holloway", "Edwin Marsh", "Beatrice Lowell", "Harvey Stokes", "Nora Whitfield"),
    "Spanish": ("Itziar Echeverría", "Ramiro Quintana", "Lucía Beltrán", "Fermín Olmedo", "Pilar Arriaga"),
    "Yoruba": ("Adewale Ogunleye", "Morenike Adeyinka", "Tunde Fashola", "Bukola Ajayi", "Segun Olawale"),
    "Vietnamese": ("Nguyen Thi Hanh", "Tran Van Quoc", "Le Minh Chau", "Pham Duc Long", "Vo Thanh Ha"),
    "Hindi": ("Ashok Tiwari", "Meenakshi Iyer", "Vikram Saxena", "Lata Deshpande", "Harish Chauhan"),
    "Polish": ("Zofia Wojnar", "Kazimierz Bielak", "Halina Sroka", "Mirosław Gajda", "Bożena Kulik"),
}
_WITH = (
    "On Tuesday {} asked for a copy of the contract.",
    "The keys were left with {} at the counter.",
    "We were told that {} had already paid.",
    "{} and two colleagues will attend.",
)
_WITHOUT = (
    "The committee met in Springfield and adjourned at noon.",
    "Northwind Traders shipped the order from Rotterdam.",
    "Please renew the licence of the Oak Street branch before March.",
    "The Danube flooded the lower town in 2013.",
)


def main() -> None:
    """Prints a line for each culture, and what it cost."""
    screen, rng = PersonsScreen(load()), random.Random(1)  # noqa: S311 - sentences to read, no secret
    chars = spent = 0.0
    for culture, names in _NAMES.items():
        texts = [rng.choice(_WITH).format(name) for name in names for _ in range(8)]
        began = time.thread_time()
        found = sum(min(screen.score(text)[MOST], 1) for text in texts)
        spent += time.thread_time() - began
        chars += sum(map(len, texts))
        print(f"{culture}: {found / len(texts):.2f} of {len(texts)} counted")
    alone = [screen.score(text) for text in _WITHOUT * 25]
    print(f"none: {sum(one[MOST] for one in alone):.0f} counted in {len(alone)} sentences")
    page = " ".join(text.format(name) for names in _NAMES.values() for name in names for text in _WITH)
    began = time.thread_time()
    scored = screen.score(page)
    taken = (time.thread_time() - began) / len(page) * 1e6
    print(f"a page of {len(page)} characters: {scored[LEAST]:.0f} to {scored[MOST]:.0f} persons, of 30")
    print(f"{taken:.1f} ms for 1,000 characters of a page, {spent / chars * 1e6:.1f} ms of single sentences")


if __name__ == "__main__":
    main()
