/** A file as a data: URL that is small enough to be stored, made smaller if need be. */

import { LARGEST_PICTURE } from "./draft";

/** What may be stored as it is. */
const AS_IT_IS = /^image\/(png|jpeg|gif|webp|svg\+xml)$/;

/** longest: pixels of the longer side, if it has to be made smaller. Throws Error, whose message is for the reader. */
export async function readPicture(file: File, longest: number): Promise<string> {
    if (AS_IT_IS.test(file.type)) {
        const url = await asDataUrl(file);
        if (url.length <= LARGEST_PICTURE) {
            return url;
        }
        if (file.type === "image/svg+xml") {
            throw new Error("The drawing is too large: at most 74 KB.");
        }
    }
    let picture: ImageBitmap;
    try {
        picture = await createImageBitmap(file);
    } catch {
        throw new Error("This file is not a picture that the browser can read.");
    }
    for (let side = longest; side >= 64; side = Math.floor(side * 0.7)) {
        for (const type of ["image/png", "image/webp", "image/jpeg"]) {
            const url = drawn(picture, side, type);
            if (url.length <= LARGEST_PICTURE) {
                return url;
            }
        }
    }
    throw new Error("The picture could not be made small enough.");
}

function drawn(picture: ImageBitmap, longest: number, type: string): string {
    const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL(type, 0.82);
}

function asDataUrl(file: File): Promise<string> {
    return new Promise((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(String(reader.result));
        reader.onerror = () => reject(new Error("The file could not be read."));
        reader.readAsDataURL(file);
    });
}
