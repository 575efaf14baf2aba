"""The stage set: short questions that a hall understands."""

LONGEST_PROMPT = 90
"""Characters; a prompt has to fit one line on the screen."""

STAGE: tuple[str, ...] = (
    # sky and space
    "Why is the sky blue, and sunsets red?",
    "How far away are the stars that we can see?",
    "Why does the moon change its shape?",
    "What would it feel like to walk on Mars?",
    "Where do shooting stars come from?",
    "Could we hear anything in space?",
    "Why do planets move around the sun?",
    "What makes the northern lights glow?",
    # sea, weather and earth
    "Why is the sea salty, but rivers are not?",
    "How does a rainbow get its colours?",
    "What makes the wind blow?",
    "Why do waves come to the beach all day long?",
    "How do clouds stay up in the air?",
    "What is at the bottom of the deepest ocean?",
    "Why is there thunder after lightning?",
    "How are mountains made?",
    # animals
    "How do cats always land on their feet?",
    "Why do birds fly south in winter?",
    "Do fish ever sleep?",
    "How do bees tell each other where the flowers are?",
    "Why do dogs tilt their heads at us?",
    "How do geckos walk on the ceiling?",
    "What do elephants talk about?",
    "Why do penguins never get cold feet?",
    # food and kitchen
    "Why does bread rise in the oven?",
    "What makes popcorn pop?",
    "Why do onions make us cry?",
    "How does coffee wake us up?",
    "Why does ice cream taste sweeter when it melts?",
    "What gives chocolate its smooth bite?",
    "Why do pancakes taste best on a Sunday?",
    "How do bubbles get into lemonade?",
    # body and mind
    "Why do we dream at night?",
    "Why do we yawn when somebody else does?",
    "How does my hand know where my nose is?",
    "Why can I not tickle myself?",
    "Why does laughing feel so good?",
    "How do we remember old songs for so long?",
    "What are goosebumps good for?",
    "Why do we get hiccups?",
    # machines and everyday things
    "How does a bicycle stay upright?",
    "How does a fridge make things cold?",
    "Why do planes stay in the air?",
    "How does my phone know where I am?",
    "What happens inside a battery?",
    "How does a microwave heat my soup?",
    "Why does a mirror swap left and right?",
    "How can a ship of steel float?",
    # plants and seasons
    "Why do leaves change colour in autumn?",
    "How does a tiny seed know which way is up?",
    "How old can a tree become?",
    "Why do flowers smell so sweet?",
    "How does a cactus live without rain?",
    "Do trees talk to each other?",
    "Why is grass green?",
    "How do sunflowers follow the sun?",
    # music, words and numbers
    "Why does music give us shivers?",
    "How does a guitar make its sound?",
    "Why are there so many languages?",
    "Who first had the idea of zero?",
    "Why do we count in tens?",
    "What makes a joke funny?",
    "How do whispers travel around a dome?",
    "Tell me a very short story about a brave teapot.",
)
