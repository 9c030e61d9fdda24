# Source text for the command tests; only its lines matter.
def load(path):
    with open(path) as file:
        return file.read()   	


def serve(requests):
    return [load(path) for path in requests]
